package dev.runnel.security.quota;

import dev.runnel.model.Caller;
import dev.runnel.security.identity.SourceAddress;
import dev.runnel.security.policy.Authorization;
import dev.runnel.security.policy.Rule;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * What each principal and each source takes up, beside the bounds for all of them together. A
 * source is an IP address, or the first half of one of version 6. Any thread; nothing blocks. Keeps
 * nothing of those who take up nothing and started nothing within a minute.
 */
public final class Quotas {
  /** Principals and sources that are known at once. */
  static final int MAX_KNOWN = 65_536;

  private static final long MINUTE_NANOS = 60_000_000_000L;

  private final Bounds ofPrincipal;
  private final Bounds ofSource;
  private final LongSupplier nanoTime;
  private final ConcurrentHashMap<String, Usage> usages = new ConcurrentHashMap<>();
  private final AtomicLong tidiedAt;

  /**
   * Bounds of one; zero: it has none of its own.
   *
   * @param jobs that have not ended
   * @param startsPerMinute as many at once, and again when that time has passed
   * @param retainBytes that the logs of those jobs may hold
   * @param connections open at once
   */
  public record Bounds(int jobs, int startsPerMinute, long retainBytes, int connections) {
    public static final Bounds NONE = new Bounds(0, 0, 0, 0);
  }

  /** What was taken, until it is given back, which is done once. */
  public interface Share {
    void giveBack();
  }

  /** One is over its quota. Has no stack trace: it is nobody's bug. */
  public static final class OverQuotaException extends Exception {
    private static final long serialVersionUID = 1;

    OverQuotaException(String message) {
      super(message, null, false, false);
    }
  }

  // Guarded by its entry in the map.
  private static final class Usage {
    int jobs;
    int connections;
    long retainBytes;
    double starts;
    long refilledAt;

    Usage(Bounds bounds, long now) {
      starts = bounds.startsPerMinute();
      refilledAt = now;
    }

    void refill(Bounds bounds, long now) {
      double more = (double) (now - refilledAt) / MINUTE_NANOS * bounds.startsPerMinute();
      starts = Math.min(bounds.startsPerMinute(), starts + more);
      refilledAt = now;
    }

    void add(Want want) {
      jobs += want.jobs();
      connections += want.connections();
      retainBytes += want.retainBytes();
    }

    void remove(Want want) {
      jobs -= want.jobs();
      connections -= want.connections();
      retainBytes -= want.retainBytes();
    }

    void returnStarts(Want want) {
      starts = Math.min(want.bounds().startsPerMinute(), starts + want.jobs());
    }

    boolean isIdle(long now) {
      return jobs == 0 && connections == 0 && retainBytes == 0 && now - refilledAt > MINUTE_NANOS;
    }
  }

  /** What somebody wants to take. */
  private record Want(String who, Bounds bounds, int jobs, int connections, long retainBytes) {}

  public Quotas(Bounds ofPrincipal, Bounds ofSource, LongSupplier nanoTime) {
    this.ofPrincipal = ofPrincipal;
    this.ofSource = ofSource;
    this.nanoTime = nanoTime;
    this.tidiedAt = new AtomicLong(nanoTime.getAsLong());
  }

  /** Without bounds. */
  public static Quotas none() {
    return new Quotas(Bounds.NONE, Bounds.NONE, System::nanoTime);
  }

  /**
   * Takes what a start takes: all of it or nothing.
   *
   * @throws OverQuotaException with the value and the limit
   */
  public Share takeStart(Caller caller, Authorization grant) throws OverQuotaException {
    long retain = grant.spec().retainBytes();
    List<Want> wants = new ArrayList<>();
    wants.add(new Want("principal " + caller.principal(), ofPrincipal, 1, 0, retain));
    wants.add(new Want(source(caller), ofSource, 1, 0, retain));
    Rule rule = grant.rule();
    if (rule != null) {
      Bounds bounds =
          new Bounds(
              zeroIfNone(rule.quota().jobs()), zeroIfNone(rule.quota().startsPerMinute()), 0, 0);
      wants.add(
          new Want("principal " + caller.principal() + " by rule " + rule.name(), bounds, 1, 0, 0));
    }
    return takeAll(wants);
  }

  /**
   * Takes what a connection takes, once its principal is known.
   *
   * @throws OverQuotaException with the value and the limit
   */
  public Share takeConnection(Caller caller) throws OverQuotaException {
    return takeAll(
        List.of(
            new Want("principal " + caller.principal(), ofPrincipal, 0, 1, 0),
            new Want(source(caller), ofSource, 0, 1, 0)));
  }

  private static int zeroIfNone(OptionalInt bound) {
    return bound.orElse(0);
  }

  private static String source(Caller caller) {
    return "source " + SourceAddress.of(caller.source());
  }

  private Share takeAll(List<Want> wants) throws OverQuotaException {
    List<Want> taken = new ArrayList<>();
    for (Want want : wants) {
      String over = want.bounds().equals(Bounds.NONE) ? null : take(want);
      if (over != null) {
        taken.forEach(this::undo);
        throw new OverQuotaException(over);
      }
      if (!want.bounds().equals(Bounds.NONE)) {
        taken.add(want);
      }
    }
    return new Once(() -> taken.forEach(this::giveBack));
  }

  private static final class Once implements Share {
    private final Runnable giveBack;
    private boolean given;

    Once(Runnable giveBack) {
      this.giveBack = giveBack;
    }

    @Override
    public synchronized void giveBack() {
      if (!given) {
        given = true;
        giveBack.run();
      }
    }
  }

  private @Nullable String take(Want want) {
    long now = nanoTime.getAsLong();
    tidy(now);
    if (usages.size() >= MAX_KNOWN && !usages.containsKey(want.who())) {
      return "principals and sources at once: limit: " + MAX_KNOWN;
    }
    AtomicReference<@Nullable String> over = new AtomicReference<>();
    usages.compute(
        want.who(),
        (_, known) -> {
          Usage usage = known == null ? new Usage(want.bounds(), now) : known;
          usage.refill(want.bounds(), now);
          over.set(whyNot(usage, want));
          if (over.get() == null) {
            usage.add(want);
            usage.starts -= want.jobs();
          }
          return usage;
        });
    return over.get();
  }

  private static @Nullable String whyNot(Usage usage, Want want) {
    Bounds bounds = want.bounds();
    String of = " of " + want.who() + ": ";
    if (bounds.jobs() > 0 && usage.jobs + want.jobs() > bounds.jobs()) {
      return "jobs" + of + (usage.jobs + want.jobs()) + limit(bounds.jobs());
    }
    if (bounds.connections() > 0 && usage.connections + want.connections() > bounds.connections()) {
      int connections = usage.connections + want.connections();
      return "connections" + of + connections + limit(bounds.connections());
    }
    if (bounds.retainBytes() > 0 && usage.retainBytes + want.retainBytes() > bounds.retainBytes()) {
      long retain = usage.retainBytes + want.retainBytes();
      return "retain of all jobs" + of + retain + limit(bounds.retainBytes());
    }
    if (bounds.startsPerMinute() > 0 && usage.starts < want.jobs()) {
      // The bucket is empty, so all that there may be were made.
      int starts = bounds.startsPerMinute() + want.jobs();
      return "starts per minute" + of + starts + limit(bounds.startsPerMinute());
    }
    return null;
  }

  private static String limit(long limit) {
    return " (limit: " + limit + ")";
  }

  private void giveBack(Want want) {
    usages.computeIfPresent(
        want.who(),
        (_, usage) -> {
          usage.remove(want);
          return usage;
        });
  }

  // As if nothing had been asked for: nothing was started either.
  private void undo(Want want) {
    usages.computeIfPresent(
        want.who(),
        (_, usage) -> {
          usage.remove(want);
          usage.returnStarts(want);
          return usage;
        });
  }

  // Once in a minute, by whoever comes first.
  private void tidy(long now) {
    long last = tidiedAt.get();
    if (now - last > MINUTE_NANOS && tidiedAt.compareAndSet(last, now)) {
      for (String who : usages.keySet()) {
        usages.computeIfPresent(who, (_, usage) -> usage.isIdle(now) ? null : usage);
      }
    }
  }

  /** How many it keeps something of. */
  int known() {
    return usages.size();
  }
}
