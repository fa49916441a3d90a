package dev.runnel.process;

import java.security.SecureRandom;
import java.util.Collection;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/**
 * The starts under way, and where tags come from. A tag stands in the environment of one command,
 * and is given once: it tells this run of a job from every other, also of the same name. It is
 * known here before there is a process that carries it, and until the pump knows its session. Any
 * thread.
 */
final class Births {
  private static final SecureRandom RANDOM = new SecureRandom();

  /** The kernel counts ages in hundredths of a second. */
  private static final long AGE_SLACK_NANOS = 20_000_000;

  private final ThreadLocal<MakerThread> threads;
  private final Map<Long, Birth> underWay = new ConcurrentHashMap<>();

  Births() {
    this(MakerThread::current);
  }

  Births(Supplier<MakerThread> thread) {
    this.threads = ThreadLocal.withInitial(thread);
  }

  /** One process that is being made. */
  static final class Birth {
    private final long tag;
    private final MakerThread thread;
    private final long begunNanos;
    private volatile int pid;

    private Birth(long tag, MakerThread thread, long begunNanos) {
      this.tag = tag;
      this.thread = thread;
      this.begunNanos = begunNanos;
    }

    long tag() {
      return tag;
    }

    MakerThread thread() {
      return thread;
    }

    /** A time before it was made. */
    long begunNanos() {
      return begunNanos;
    }

    void made(int child) {
      pid = child;
    }
  }

  /** On the thread that is about to make the process. */
  Birth begin(long nanos) {
    Birth birth = new Birth(newTag(), threads.get(), nanos);
    underWay.put(birth.tag, birth);
    return birth;
  }

  private static long newTag() {
    long tag;
    do {
      tag = RANDOM.nextLong() >>> 1;
    } while (tag == ProcessTable.NO_TAG);
    return tag;
  }

  /** Its session is known, or there is none and will be none. */
  void end(Birth birth) {
    underWay.remove(birth.tag);
  }

  boolean isUnderWay(long tag) {
    return underWay.containsKey(tag);
  }

  Collection<Birth> all() {
    return underWay.values();
  }

  /** Whether that child is the command of a start under way. */
  boolean isCommand(int child) {
    return underWay.values().stream().anyMatch(birth -> birth.pid == child);
  }

  /**
   * Whether a child of that thread may be the command of a start that has not told its number yet.
   *
   * @param ageNanos of the child
   */
  boolean mayBeCommand(MakerThread thread, long nowNanos, long ageNanos) {
    for (Birth birth : underWay.values()) {
      if (birth.pid == 0
          && birth.thread.equals(thread)
          && ageNanos <= nowNanos - birth.begunNanos + AGE_SLACK_NANOS) {
        return true;
      }
    }
    return false;
  }
}
