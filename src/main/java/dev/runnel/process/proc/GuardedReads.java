package dev.runnel.process.proc;

import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads that may hang, as those of a process's environment and arguments do while it waits for a
 * page that does not come: it holds the lock of its memory then. Each look has its own; who waits
 * for the look sees from another thread in which process it hangs, and has it left out of the next.
 */
public final class GuardedReads {
  /**
   * What reading arguments may take in one look. Each waits for a process that forks without end,
   * and gets no turn among its like, for a tenth of a second and more.
   */
  private static final Duration NAMING = Duration.ofMillis(300);

  /** So long in one process a look hangs: it is left to its thread, and that process out. */
  private static final Duration HANGING = Duration.ofSeconds(2);

  private final ProcessTable table;
  private final Map<Integer, Long> leftOut;
  private final Depth depth;
  private volatile @Nullable Reading reading;
  private volatile boolean isCutShort;

  /** What reading arguments has taken so far. */
  private long spentNanos;

  /** A process that is being read. */
  public record Reading(int pid, long started, long sinceNanos) {}

  /** What may be read at all. */
  public enum Depth {
    ALL,
    /** Nothing that may hang. */
    NOTHING_THAT_MAY_HANG
  }

  /**
   * @param leftOut processes that are not read, when each started by its number; any thread
   */
  public GuardedReads(ProcessTable table, Map<Integer, Long> leftOut, Depth depth) {
    this.table = table;
    this.leftOut = leftOut;
    this.depth = depth;
  }

  public ProcessTable table() {
    return table;
  }

  /** Another look is more urgent. Any thread. */
  public void cutShort() {
    isCutShort = true;
  }

  /**
   * To be asked at each process.
   *
   * @throws CutShortException if the look is to end now, without a result
   */
  public void check() {
    if (isCutShort) {
      throw new CutShortException();
    }
  }

  /** A look came to no result, as another one is more urgent. */
  public static final class CutShortException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private CutShortException() {
      super("cut short", null, false, false);
    }
  }

  /** The process in which it hangs; null: in none. Any thread. */
  public @Nullable Reading hung(long nowNanos) {
    Reading now = reading;
    return now != null && nowNanos - now.sinceNanos >= HANGING.toNanos() ? now : null;
  }

  /** As {@link ProcessTable#tag}; unreadable where it would hang. */
  public long tag(int pid, ProcStat stat) {
    if (isLeftOut(pid, stat)) {
      return ProcessTable.UNREADABLE;
    }
    begin(pid, stat);
    try {
      return table.tag(pid);
    } finally {
      reading = null;
    }
  }

  /** As {@link ProcessTable#command}; where it would hang, or take long, its program's name. */
  public String command(int pid, ProcStat stat) {
    if (isLeftOut(pid, stat) || spentNanos > NAMING.toNanos()) {
      return stat.name();
    }
    begin(pid, stat);
    long began = System.nanoTime();
    try {
      return table.command(pid);
    } finally {
      reading = null;
      spentNanos += System.nanoTime() - began;
    }
  }

  private boolean isLeftOut(int pid, ProcStat stat) {
    Long started = leftOut.get(pid);
    return depth == Depth.NOTHING_THAT_MAY_HANG || (started != null && started == stat.started());
  }

  private void begin(int pid, ProcStat stat) {
    reading = new Reading(pid, stat.started(), System.nanoTime());
  }
}
