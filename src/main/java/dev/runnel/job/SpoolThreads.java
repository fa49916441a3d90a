package dev.runnel.job;

import dev.runnel.spool.JobFile;
import dev.runnel.spool.RecoveredJob;
import dev.runnel.spool.SpoolDirectory;
import dev.runnel.spool.SpooledJob;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The threads that spool: some that write, some that read back, and one that sees whether the disk
 * answers. All of them are there from the start. A job has one turn in the queue at a time and is
 * written by one thread at a time, so a file that hangs holds up one thread. What waits for them is
 * bounded by the jobs that are known or remembered, and by the followers, each of which reads one
 * piece at a time. Any thread may call; a node has one at most.
 */
public final class SpoolThreads implements AutoCloseable {
  /** So many files may hang before the spools of all jobs do. */
  static final int WRITERS = 8;

  private static final int READERS = 4;

  /** How long a disk may take for what it is asked before it is taken for one that hangs. */
  static final Duration SLOW = Duration.ofSeconds(2);

  private static final Duration LOOK_INTERVAL = Duration.ofMillis(500);
  private static final Duration IDLE_LOOK_INTERVAL = Duration.ofSeconds(5);
  private static final Duration PATIENCE = Duration.ofSeconds(8);
  private static final Duration PATIENCE_WHEN_FULL = Duration.ofSeconds(2);
  private static final Duration RETRY_INTERVAL = Duration.ofMillis(100);

  private final SpoolDirectory spools;
  private final TurnQueue turns = new TurnQueue();
  private final ThreadPoolExecutor readers;
  private final Thread watch;

  // Those whose file is not finished.
  private final Set<JobSpool> unfinished = ConcurrentHashMap.newKeySet();
  private final ConcurrentHashMap<String, Integer> beginning = new ConcurrentHashMap<>();

  // A job asks for its next turn during the one before: at zero, all jobs have written all.
  private final AtomicInteger unwritten = new AtomicInteger();
  private final Object quiet = new Object();
  private volatile Predicate<String> dropOne = _ -> false;
  private volatile boolean closing;
  private volatile boolean watching;
  private volatile boolean hanging;
  private volatile boolean closed;
  private final AtomicBoolean keeping = new AtomicBoolean();
  private volatile boolean lostFolder;
  // The watch's.
  private long keptNanos = System.nanoTime();

  /** It owns the folder from now on. */
  public SpoolThreads(SpoolDirectory spools) {
    this.spools = spools;
    this.readers =
        new ThreadPoolExecutor(
            READERS,
            READERS,
            0,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            Thread.ofPlatform().daemon().name("runnel-replay").factory());
    this.watch = Thread.ofPlatform().daemon().name("runnel-spool-watch").unstarted(this::watch);
    boolean started = false;
    try {
      readers.prestartAllCoreThreads();
      watch.start();
      for (int i = 0; i < WRITERS; i++) {
        Thread.ofPlatform().daemon().name("runnel-spool").start(this::serve);
      }
      started = true;
    } finally {
      if (!started) {
        endThreads();
      }
    }
  }

  /** What all output on disk takes up. */
  long usedBytes() {
    return spools.usedBytes();
  }

  /** What all output on disk may take up. */
  long maxBytes() {
    return spools.maxBytes();
  }

  /** What earlier lives have left; blocks. */
  List<RecoveredJob> recover() throws IOException {
    return spools.recover();
  }

  JobFile create(SpooledJob job, long maxBytes) throws IOException {
    return spools.create(job, maxBytes);
  }

  /** Who removes what an ended job of a principal has on disk, if there is one that has any. */
  void onFull(Predicate<String> dropOne) {
    this.dropOne = dropOne;
  }

  /**
   * Has the output of an ended job removed, of somebody's who has more on disk than that principal;
   * blocks.
   *
   * @return whether there was any
   */
  boolean makeRoom(String principal) {
    return spools.withMoreThan(principal).stream().anyMatch(dropOne);
  }

  void delete(JobFile file) {
    spools.delete(file);
  }

  /** The same by one of those that read back. What waits for that is a file, and no job. */
  void deleteLater(JobFile file) {
    var _ = read(() -> deleteNow(file));
  }

  private void deleteNow(JobFile file) {
    try {
      delete(file);
    } catch (Throwable e) {
      report("spool not removed", e);
    }
  }

  void warn(String what) {
    spools.warn(what);
  }

  /** A mistake of ours, or a machine without memory: the thread that saw it goes on. */
  void report(String what, Throwable e) {
    try {
      spools.report(what, e);
    } catch (Throwable _) {
      // There is not even memory to say so.
    }
  }

  /** Whether every thread that writes has been waiting for the disk for too long. */
  boolean isHanging() {
    return hanging;
  }

  // Starts that wait for the disk.

  /** One more start of the principal waits, unless there are so many already. */
  boolean enter(String principal, int most) {
    int count = beginning.merge(principal, 1, Integer::sum);
    if (count > most) {
      left(principal);
      return false;
    }
    return true;
  }

  /** It waits no longer. */
  void left(String principal) {
    beginning.computeIfPresent(principal, (_, count) -> count == 1 ? null : count - 1);
  }

  // Turns.

  /** From now on it is looked after. */
  void add(JobSpool spool) {
    unfinished.add(spool);
  }

  /** Its file is finished. */
  void remove(JobSpool spool) {
    unfinished.remove(spool);
  }

  /** It has something to write, and no turn yet. */
  void begin(JobSpool spool) {
    unwritten.incrementAndGet();
    turns.add(spool);
    if (!watching) {
      watching = true;
      LockSupport.unpark(watch);
    }
  }

  /** It has had its turn, and wants another. */
  void again(JobSpool spool) {
    turns.add(spool);
  }

  /** It has nothing more to write for now. */
  void end() {
    if (unwritten.decrementAndGet() == 0 && closing) {
      synchronized (quiet) {
        quiet.notifyAll();
      }
    }
  }

  private void serve() {
    boolean more = true;
    while (more) {
      more = serveNext();
    }
  }

  // A turn is a call of its own: a thread that waits for the next holds nothing of the last.
  private boolean serveNext() {
    JobSpool spool = turns.take();
    if (spool == null) {
      return false;
    }
    try {
      spool.takeTurn();
    } catch (Throwable e) {
      // It has told its job already; the thread goes on for others.
      report("spool turn failed", e);
    }
    return true;
  }

  // By its time: what hangs does not tell.
  private void watch() {
    while (!closed) {
      if (unwritten.get() == 0) {
        watching = false;
        // Again after that: who began meanwhile may have seen it watching.
        if (unwritten.get() == 0) {
          LockSupport.parkNanos(this, IDLE_LOOK_INTERVAL.toNanos());
        }
        watching = true;
      }
      LockSupport.parkNanos(this, LOOK_INTERVAL.toNanos());
      try {
        look(System.nanoTime());
        keepFolder(System.nanoTime());
      } catch (Throwable e) {
        report("spool watch failed", e);
      }
    }
  }

  // By another: where the disk hangs this does, too.
  private void keepFolder(long now) {
    boolean due = now - keptNanos >= IDLE_LOOK_INTERVAL.toNanos();
    if (due && !lostFolder && keeping.compareAndSet(false, true)) {
      keptNanos = now;
      var _ = read(this::keepFolderNow);
    }
  }

  private void keepFolderNow() {
    try {
      spools.keep();
    } catch (IOException e) {
      lostFolder = true;
      warn("spool lost: its .lock was removed; no more jobs are spooled cause=" + e);
    } finally {
      keeping.set(false);
    }
  }

  private void look(long now) {
    int slow = 0;
    for (JobSpool spool : unfinished) {
      if (spool.look(now)) {
        slow++;
      }
    }
    if (slow >= WRITERS && !hanging) {
      warn("spool hangs: the disk has not answered for " + SLOW.toSeconds() + " s");
    }
    hanging = slow >= WRITERS;
  }

  // Reading back.

  /** How many wait for one of those that read. */
  int waitingReads() {
    return readers.getQueue().size();
  }

  /**
   * Has it done by one of those that read; it must not throw.
   *
   * @return calls it off, and says whether it had not begun: nobody may ask and leave again and
   *     again while the disk hangs, and have all that wait
   */
  BooleanSupplier read(Runnable task) {
    try {
      readers.execute(task);
    } catch (RejectedExecutionException _) {
      // After the close nobody is there to be told: as if the daemon had gone a moment earlier.
    }
    return () -> readers.remove(task);
  }

  /**
   * Waits until all that the jobs have is written, and gives the folder back. Ends that a full disk
   * did not take are tried again for a while. Bounded, also if the disk hangs.
   *
   * @throws IOException if not all could be written: after a disk that hangs the folder is not
   *     given back to another life either, as this one may still write there
   */
  @Override
  public void close() throws IOException {
    closing = true;
    long begun = System.nanoTime();
    boolean written = awaitQuiet(begun);
    List<JobSpool> endless = endless();
    while (written
        && !endless.isEmpty()
        && System.nanoTime() - begun < PATIENCE_WHEN_FULL.toNanos()) {
      endless.forEach(JobSpool::retry);
      written = awaitQuiet(begun);
      endless = endless();
      if (!endless.isEmpty()) {
        LockSupport.parkNanos(RETRY_INTERVAL.toNanos());
      }
    }
    endThreads();
    if (!written) {
      throw new IOException(
          "the disk hangs: not all output was written within " + PATIENCE.toSeconds() + " s");
    }
    spools.close();
    if (!endless.isEmpty()) {
      throw new IOException("the disk took no end of so many jobs: " + endless.size());
    }
  }

  private List<JobSpool> endless() {
    return unfinished.stream().filter(JobSpool::isEndUnwritten).toList();
  }

  private boolean awaitQuiet(long begunNanos) {
    synchronized (quiet) {
      while (unwritten.get() > 0) {
        long left = begunNanos + PATIENCE.toNanos() - System.nanoTime();
        if (left <= 0) {
          return false;
        }
        try {
          TimeUnit.NANOSECONDS.timedWait(quiet, left);
        } catch (InterruptedException _) {
          Thread.currentThread().interrupt();
          return false;
        }
      }
      return true;
    }
  }

  private void endThreads() {
    closed = true;
    turns.close();
    readers.shutdown();
    LockSupport.unpark(watch);
  }

  /** Those who want a turn, in order. It allocates nothing, so that adding one does not fail. */
  private static final class TurnQueue {
    private @Nullable JobSpool first;
    private @Nullable JobSpool last;
    private boolean closed;

    synchronized void add(JobSpool spool) {
      JobSpool before = last;
      last = spool;
      if (before == null) {
        first = spool;
      } else {
        before.follow(spool);
      }
      notify();
    }

    /** The next, which is waited for; null: there is none any more. */
    synchronized @Nullable JobSpool take() {
      while (first == null && !closed) {
        try {
          wait();
        } catch (InterruptedException _) {
          // Nobody interrupts it who could mean anything by it.
        }
      }
      JobSpool taken = first;
      if (taken != null) {
        first = taken.follow(null);
        last = first == null ? null : last;
      }
      return taken;
    }

    synchronized void close() {
      closed = true;
      notifyAll();
    }
  }
}
