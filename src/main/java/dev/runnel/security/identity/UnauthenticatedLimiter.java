package dev.runnel.security.identity;

import java.nio.ByteBuffer;
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
 * everybody else out; and no source has more than its share. As OpenSSH's MaxStartups,
 * sshd_config(5). Any thread.
 *
 * <p>A source whose peers fail or dawdle is braked for a while, as by PerSourcePenalties, but not
 * shut out: many clients may share an address, and one with a wrong token must not cost the others
 * theirs. What is braked is guessing. To let a right token through is to look at a token, and each
 * look at one that was not seen before is a guess that was tried; so a braked source has one such
 * look in the time that a failure costs. That is as often as it could fail when it was shut out
 * after failures, as then each failure had to be waited off. A token that was seen before, right or
 * wrong, is looked at at once: what comes of it was known, so that it is no guess. It is the look
 * that is paid for, and before it: hanging up early gains nothing. A braked source has few places,
 * too.
 */
public final class UnauthenticatedLimiter {
  private static final Logger LOG = LoggerFactory.getLogger(UnauthenticatedLimiter.class);
  private static final long QUIET_NANOS = Duration.ofMinutes(1).toNanos();
  private static final Duration FIRST_DELAY = Duration.ofMillis(100);
  private static final int MAX_DOUBLINGS = 4;

  /** How many tokens of a braked source are known to have been looked at. */
  private static final int MAX_SEEN = 8;

  /** The part of its share of places that a braked source has. */
  private static final int BRAKED_SHARE = 8;

  private static final int MIN_BRAKED_PLACES = 16;

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
   * @param exempt where there are none
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
      int maxSources,
      CidrList exempt) {
    public static final Limits DEFAULT =
        of(1_000, Duration.ofSeconds(10), Duration.ofMinutes(1), CidrList.NONE);

    /** What can be set; the rest follows. */
    public static Limits of(int full, Duration grace, Duration maxPenalty, CidrList exempt) {
      return new Limits(
          (full + 9) / 10,
          full,
          (full + 3) / 4,
          grace,
          Duration.ofSeconds(5),
          Duration.ofSeconds(10),
          Duration.ofSeconds(15),
          maxPenalty,
          16_384,
          exempt);
    }
  }

  /**
   * Of a source: how often its peers failed in a row, and until when that counts.
   *
   * @param brake what its peers may try meanwhile
   */
  private record Penalty(int failures, long until, Brake brake) {}

  /** Guarded by the strangers it belongs to. */
  private static final class Brake {
    /** The first bytes of digests: enough to tell tokens apart. */
    private final long[] seen = new long[MAX_SEEN];

    private int seenCount;
    private long nextLook;

    Brake(long nextLook) {
      this.nextLook = nextLook;
    }

    boolean hasSeen(long digest) {
      for (int i = 0; i < Math.min(seenCount, MAX_SEEN); i++) {
        if (seen[i] == digest) {
          return true;
        }
      }
      return false;
    }

    void see(long digest) {
      seen[seenCount % MAX_SEEN] = digest;
      seenCount = seenCount == 2 * MAX_SEEN - 1 ? MAX_SEEN : seenCount + 1;
    }
  }

  /**
   * Whether and when a token is looked at.
   *
   * @param after until then; where it is refused, until another try may go better
   * @param refusal why it is not looked at; null: it is
   * @param isBraked whether the source failed too often before
   * @param isGuess whether nobody knew what comes of it
   */
  public record Look(Duration after, @Nullable String refusal, boolean isBraked, boolean isGuess) {
    private static final Look AT_ONCE = new Look(Duration.ZERO, null, false, true);
    private static final Look AGAIN = new Look(Duration.ZERO, null, true, false);
  }

  public UnauthenticatedLimiter(Limits limits) {
    this(limits, System::nanoTime, () -> ThreadLocalRandom.current().nextDouble());
  }

  UnauthenticatedLimiter(Limits limits, LongSupplier nanoTime, DoubleSupplier chance) {
    this.limits = limits;
    this.nanoTime = nanoTime;
    this.chance = chance;
    this.lastTold = nanoTime.getAsLong() - QUIET_NANOS;
  }

  public Duration grace() {
    return limits.grace();
  }

  /** Whether failures of peers at that address cost their source nothing. */
  public boolean exempts(String address) {
    return limits.exempt().contains(address);
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
    int share = limits.perSource();
    if (isBraked(penalties.get(source))) {
      share = Math.min(share, Math.max(MIN_BRAKED_PLACES, share / BRAKED_SHARE + 1));
    }
    if (ofSource >= share) {
      return "connections not known yet, of one source: limit: " + share;
    }
    return isTurnedAway() ? "connections not known yet: limit: " + limits.full() : null;
  }

  /**
   * Asks for a look at a token, which is to follow after the wait.
   *
   * @param digest of the token
   */
  public synchronized Look look(String source, byte[] digest) {
    Penalty penalty = penalties.get(source);
    if (penalty == null || !isBraked(penalty)) {
      return Look.AT_ONCE;
    }
    Brake brake = penalty.brake();
    long start = ByteBuffer.wrap(digest).getLong();
    if (brake.hasSeen(start)) {
      return Look.AGAIN;
    }
    long now = nanoTime.getAsLong();
    long wait = Math.max(0, brake.nextLook - now);
    // Waiting is for one at a time, and leaves it some of the time that it has.
    if (wait > Math.min(limits.failure().toNanos(), limits.grace().toNanos() / 2)) {
      String refusal = tooManyFailures(Duration.ofNanos(wait));
      tell(refusal);
      return new Look(Duration.ofNanos(wait), refusal, true, true);
    }
    brake.see(start);
    brake.nextLook = now + wait + limits.failure().toNanos();
    return new Look(Duration.ofNanos(wait), null, true, true);
  }

  /** What a source that failed too often is told. */
  public static String tooManyFailures(Duration left) {
    return "too many failures: try again in " + (left.toMillis() / 1_000 + 1) + " s";
  }

  /** For how long a source still is braked, and then some. */
  public synchronized Duration penalty(String source) {
    return Duration.ofNanos(left(penalties.get(source)));
  }

  private boolean isBraked(@Nullable Penalty penalty) {
    return left(penalty) > limits.enforcedFrom().toNanos();
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

  /** When to tell one whose failures cost nothing that it said something wrong. */
  public static Duration toleratedFailure() {
    return FIRST_DELAY;
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
    long now = nanoTime.getAsLong();
    // What comes first after a failure waits for as long as one costs.
    long nextLook = now + limits.failure().toNanos();
    Brake brake = before == null || left == 0 ? new Brake(nextLook) : before.brake();
    if (nextLook - brake.nextLook > 0) {
      brake.nextLook = nextLook;
    }
    penalties.put(source, new Penalty(failures, now + until, brake));
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
