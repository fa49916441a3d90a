package dev.runnel.security;

import java.time.Duration;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.DoubleSupplier;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The connections of a node whose peers are not known yet. They are few, whoever they are: the more
 * there are, the more of those that come are turned away, by chance, so that a flood can't keep
 * everybody else out; no source has more than its share; and one whose peers fail or dawdle has to
 * stay away for a while. As OpenSSH's MaxStartups and PerSourcePenalties, sshd_config(5). Any
 * thread.
 */
public final class Strangers {
  private static final Logger LOG = LoggerFactory.getLogger(Strangers.class);
  private static final long QUIET_NANOS = Duration.ofMinutes(1).toNanos();
  private static final Duration FIRST_DELAY = Duration.ofMillis(100);
  private static final int MAX_DOUBLINGS = 4;

  private final Limits limits;
  private final LongSupplier nanoTime;
  private final DoubleSupplier chance;

  // All guarded by this.
  private final Map<String, Integer> waiting = new HashMap<>();
  private final LinkedHashMap<String, Penalty> penalties = new LinkedHashMap<>();
  private int count;
  private long turnedAway;
  private long lastTold;

  /**
   * How much is borne.
   *
   * @param easy so many are let in whatever happens
   * @param full from so many on none is; in between the chance to be turned away grows
   * @param perSource of one source
   * @param grace until a peer has to be known, from when it connected
   * @param failure the penalty for a secret or certificate that is wrong
   * @param dawdling the penalty for not being known within the grace
   * @param enforcedFrom penalties are added up, and mean nothing until there are so many
   * @param maxPenalty however many there were; zero: nobody has to stay away
   * @param maxSources that penalties are known of
   */
  public record Limits(
      int easy,
      int full,
      int perSource,
      Duration grace,
      Duration failure,
      Duration dawdling,
      Duration enforcedFrom,
      Duration maxPenalty,
      int maxSources) {
    public static final Limits DEFAULT = of(1_000, Duration.ofSeconds(10), Duration.ofMinutes(1));

    /** What can be set; the rest follows. */
    public static Limits of(int full, Duration grace, Duration maxPenalty) {
      return new Limits(
          (full + 9) / 10,
          full,
          (full + 3) / 4,
          grace,
          Duration.ofSeconds(5),
          Duration.ofSeconds(10),
          Duration.ofSeconds(15),
          maxPenalty,
          16_384);
    }
  }

  /** Of a source: how often its peers failed in a row, and until when that counts. */
  private record Penalty(int failures, long until) {}

  public Strangers(Limits limits) {
    this(limits, System::nanoTime, () -> ThreadLocalRandom.current().nextDouble());
  }

  Strangers(Limits limits, LongSupplier nanoTime, DoubleSupplier chance) {
    this.limits = limits;
    this.nanoTime = nanoTime;
    this.chance = chance;
    this.lastTold = nanoTime.getAsLong() - QUIET_NANOS;
  }

  public Duration grace() {
    return limits.grace();
  }

  /** How many there are. */
  public synchronized int count() {
    return count;
  }

  /** Counts one more, or says why not. One that was counted has to {@link #leave} once. */
  public synchronized @Nullable String enter(String source) {
    String refusal = refusal(source);
    if (refusal == null) {
      count++;
      waiting.merge(source, 1, Integer::sum);
    } else {
      tell(refusal);
    }
    return refusal;
  }

  private @Nullable String refusal(String source) {
    int ofSource = waiting.getOrDefault(source, 0);
    if (ofSource >= limits.perSource()) {
      return "connections not known yet, of one source: limit: " + limits.perSource();
    }
    long left = left(penalties.get(source));
    if (left > limits.enforcedFrom().toNanos()) {
      return "too many failures: try again in " + (left / 1_000_000_000 + 1) + " s";
    }
    return isTurnedAway() ? "connections not known yet: limit: " + limits.full() : null;
  }

  private boolean isTurnedAway() {
    if (count < limits.easy()) {
      return false;
    }
    double crowd = (double) (count - limits.easy()) / Math.max(1, limits.full() - limits.easy());
    return count >= limits.full() || chance.getAsDouble() < 0.3 + 0.7 * crowd;
  }

  // A flood must not fill the log as well.
  private void tell(String refusal) {
    turnedAway++;
    long now = nanoTime.getAsLong();
    if (now - lastTold >= QUIET_NANOS) {
      LOG.warn("strangers turned away waiting={} count={} last={}", count, turnedAway, refusal);
      lastTold = now;
      turnedAway = 0;
    }
  }

  /** One that was counted is known now, or gone. */
  public synchronized void leave(String source) {
    count--;
    waiting.computeIfPresent(source, (_, of) -> of == 1 ? null : of - 1);
  }

  /** One said something that is wrong: it is to be told so after this time, and not before. */
  public synchronized Duration failed(String source) {
    int failures = punish(source, limits.failure());
    return FIRST_DELAY.multipliedBy(1L << Math.min(failures - 1, MAX_DOUBLINGS));
  }

  /** One took too long. */
  public synchronized void dawdled(String source) {
    punish(source, limits.dawdling());
  }

  private int punish(String source, Duration penalty) {
    Penalty before = penalties.remove(source);
    long left = left(before);
    int failures = before == null || left == 0 ? 1 : before.failures() + 1;
    long until = Math.min(left + penalty.toNanos(), limits.maxPenalty().toNanos());
    makeRoom();
    penalties.put(source, new Penalty(failures, nanoTime.getAsLong() + until));
    return failures;
  }

  // Whoever has as many addresses as that gets around penalties by them anyway.
  private void makeRoom() {
    Iterator<Penalty> eldest = penalties.values().iterator();
    while (eldest.hasNext()
        && (left(eldest.next()) == 0 || penalties.size() >= limits.maxSources())) {
      eldest.remove();
    }
  }

  private long left(@Nullable Penalty penalty) {
    return penalty == null ? 0 : Math.max(0, penalty.until() - nanoTime.getAsLong());
  }

  /** How many sources penalties are known of. */
  synchronized int sources() {
    return penalties.size();
  }
}
