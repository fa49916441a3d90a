package dev.runnel.process.spawn;

import dev.runnel.process.proc.ProcessTable;
import dev.runnel.process.proc.StartThread;
import dev.runnel.process.proc.TreeMembership;
import java.security.SecureRandom;
import java.util.Collection;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The starts under way, and where tags come from. A tag stands in the environment of one command,
 * and is given once: it tells this run of a job from every other, also of the same name. It is
 * known here before there is a process that carries it, and until the pump knows its session. Any
 * thread.
 */
public final class StartTags {
  private static final SecureRandom RANDOM = new SecureRandom();

  /** The kernel counts ages in hundredths of a second. */
  private static final long AGE_SLACK_NANOS = 20_000_000;

  private final ThreadLocal<StartThread> threads;
  private final Map<Long, Birth> underWay = new ConcurrentHashMap<>();
  private volatile @Nullable SessionLeaders leaders;

  public StartTags() {
    this(StartThread::current);
  }

  public StartTags(Supplier<StartThread> thread) {
    this.threads = ThreadLocal.withInitial(thread);
  }

  /** From now on processes are entered there. */
  public void enterInto(SessionLeaders table) {
    leaders = table;
  }

  /**
   * Enters a child of ours that is of no run and is not reaped.
   *
   * @return takes it out again; to be called once
   */
  public Runnable listStray(int pid) {
    SessionLeaders table = leaders;
    int place = table == null ? SessionLeaders.NONE : table.add(pid, TreeMembership.STRAY);
    return table == null || place == SessionLeaders.NONE ? () -> {} : () -> table.remove(place);
  }

  /** One process that is being made. */
  public static final class Birth {
    private final long tag;
    private final StartThread thread;
    private final long begunNanos;
    private final @Nullable SessionLeaders leaders;
    private volatile int pid;

    /** Of the thread that knows of the process: its maker's, then the pump's. */
    private int place = SessionLeaders.NONE;

    private Birth(long tag, StartThread thread, long begunNanos, @Nullable SessionLeaders leaders) {
      this.tag = tag;
      this.thread = thread;
      this.begunNanos = begunNanos;
      this.leaders = leaders;
    }

    public long tag() {
      return tag;
    }

    public StartThread thread() {
      return thread;
    }

    /** A time before it was made. */
    public long begunNanos() {
      return begunNanos;
    }

    public void made(int child) {
      pid = child;
      place = leaders == null ? SessionLeaders.NONE : leaders.add(child, tag);
    }

    /** What it was the birth of is about to be reaped, or is given up. */
    public void over() {
      if (leaders != null && place != SessionLeaders.NONE) {
        leaders.remove(place);
        place = SessionLeaders.NONE;
      }
    }
  }

  /** On the thread that is about to make the process. */
  public Birth begin(long nanos) {
    Birth birth = new Birth(newTag(), threads.get(), nanos, leaders);
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

  /** Its session is known. */
  public void end(Birth birth) {
    underWay.remove(birth.tag);
  }

  /** There is no session and will be none. */
  public void abandon(Birth birth) {
    birth.over();
    end(birth);
  }

  public boolean isUnderWay(long tag) {
    return underWay.containsKey(tag);
  }

  Collection<Birth> all() {
    return underWay.values();
  }

  /** Whether that child is the command of a start under way. */
  public boolean isCommand(int child) {
    return underWay.values().stream().anyMatch(birth -> birth.pid == child);
  }

  /**
   * Whether a child of that thread may be the command of a start that has not told its number yet.
   *
   * @param ageNanos of the child
   */
  public boolean mayBeCommand(StartThread thread, long nowNanos, long ageNanos) {
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
