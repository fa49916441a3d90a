package dev.runnel.job;

import dev.runnel.model.End;
import dev.runnel.model.ErrorCode;
import dev.runnel.process.NativeMemory;
import dev.runnel.spool.JobFile;
import dev.runnel.spool.SpoolReader;
import dev.runnel.spool.SpooledJob;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.FileSystemException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A job's output on disk: the job, its process, its output, its end, in this order. It reads the
 * log as a follower would, and writes what it reads: the log keeps what is not written yet, which
 * holds the process back while the disk is slower, and gives it to others only after that. When the
 * disk is full it stops, and the log goes on without it; it looks again every so often. What is
 * private here happens in its turn, on one of the threads that write, unless it says otherwise.
 */
final class JobSpool {
  /** How many pieces it writes before it lets other jobs have their turn. */
  private static final int TURN = 16;

  /** How long a start may wait for the disk. */
  static final Duration BEGIN_PATIENCE = Duration.ofSeconds(5);

  private final SpoolThreads spooler;
  private final Consumer<Runnable> later;
  private final OutputLog log;
  private final long maxBytes;
  private final LogReader reader;

  private final AtomicReference<Stage> stage = new AtomicReference<>(Stage.IDLE);
  // When it asked for its turn, and when it got it: what hangs is known by that.
  private volatile long askedNanos;
  private volatile long turnNanos;

  // Who waits for it to begin. Null: nobody does, or no longer.
  private final AtomicReference<@Nullable Waiting> waiting = new AtomicReference<>();
  private volatile @Nullable SpooledJob job;
  private volatile @Nullable Birth birth;

  // Read by those who read back. Null: there is none yet, or it could not be made.
  private volatile @Nullable JobFile file;
  private volatile boolean birthWritten;
  private volatile boolean gone;
  private volatile boolean recordOnly;
  // The disk took nothing: not before the next try.
  private volatile boolean pausing;
  private boolean warned;

  // Guarded by itself: one piece is read at a time, as a file that hangs may hold up one reader.
  private final ArrayDeque<Runnable> reads = new ArrayDeque<>(0);
  private @Nullable Reading reading;

  // The queue's.
  private @Nullable JobSpool next;

  /** Whether it has a turn, or wants one. */
  private enum Stage {
    IDLE,
    QUEUED,
    RUNNING,
    /** There is more since it began its turn. */
    AGAIN
  }

  /** Who asked for it to begin. Called once, by any thread. */
  interface Begun {
    /** The job may start: it is written down, or the disk takes nothing and it may do without. */
    void begun();

    /** It may not. */
    void refused(RejectedException why);
  }

  private record Waiting(Begun begun, String principal) {}

  private record Reading(Runnable task, BooleanSupplier callOff) {}

  private record Birth(int pid, Instant at, Runnable written) {}

  /**
   * Of a job that is still to start.
   *
   * @param later runs what it is given after a while, on any thread
   */
  JobSpool(SpoolThreads spooler, Consumer<Runnable> later, OutputLog log, long maxBytes) {
    this.spooler = spooler;
    this.later = later;
    this.log = log;
    this.maxBytes = maxBytes;
    this.reader = log.spoolTo(this, this::wake);
  }

  /** Of a job of an earlier life, whose log has its end. */
  JobSpool(SpoolThreads spooler, Consumer<Runnable> later, OutputLog log, JobFile found) {
    this(spooler, later, log, 0);
    file = found;
    birthWritten = true;
    if (!found.isEnded()) {
      // The disk did not take that it was lost.
      spooler.add(this);
      wake();
    }
  }

  // For the job.

  /**
   * Writes down that there is such a job, before it may start. One that may run only once does not
   * start without that.
   *
   * @param most so many of a principal's starts may wait for the disk
   */
  void begin(SpooledJob what, int most, Begun then) {
    String principal = what.caller().principal();
    if (spooler.isHanging()) {
      then.refused(unavailable("does not answer"));
    } else if (!spooler.enter(principal, most)) {
      then.refused(
          new RejectedException(
              ErrorCode.BUSY, "starts of a principal that wait for the disk: limit: " + most));
    } else {
      job = what;
      waiting.set(new Waiting(then, principal));
      spooler.add(this);
      wake();
    }
  }

  /**
   * Calls the start off, if it has not begun.
   *
   * @return whether it was: then nothing is called any more
   */
  boolean callOff() {
    return takeWaiting() != null;
  }

  /**
   * The job has a process, which has printed nothing yet.
   *
   * @param written called when that is on the disk, if it takes it
   */
  void started(int pid, Instant at, Runnable written) {
    birth = new Birth(pid, at, written);
    wake();
  }

  /** Whether others may be told that it has started: then the next life knows, too. */
  boolean mayTellStarted() {
    return birthWritten || !log.isHeldBack();
  }

  /** The log has its end, which is written even where there is no room for output. Any thread. */
  void ended() {
    var _ = callOff();
    retry();
  }

  /** Nobody can ask for it any more. */
  void delete() {
    gone = true;
    retry();
  }

  /**
   * Nobody can ask for its output any more, which has ended: that is removed, and what says that
   * there was such a job stays.
   *
   * @return removes that too. There may be many for each job that is known: where all is written,
   *     it holds the file and nothing else of the job
   */
  Runnable keepRecord() {
    recordOnly = true;
    retry();
    JobFile record = file;
    if (record == null || !record.isEnded()) {
      return this::delete;
    }
    SpoolThreads threads = spooler;
    return () -> threads.deleteLater(record);
  }

  /** Removes what was printed, of a job that has ended; blocks. Any thread. */
  boolean dropOutput() {
    JobFile open = file;
    return open != null && open.dropOutput();
  }

  // For the spooler.

  /** It is to try again at once. Any thread. */
  void retry() {
    pausing = false;
    wake();
  }

  /** Whether its job has ended, and another life would not know how. Any thread. */
  boolean isEndUnwritten() {
    JobFile open = file;
    return !gone && log.end() != null && !(open != null && open.isEnded());
  }

  /** Sees whether the disk answers, and says whether a thread waits for it. For the watch. */
  boolean look(long now) {
    Stage at = stage.get();
    if (at == Stage.IDLE) {
      return false;
    }
    if (now - askedNanos >= SpoolThreads.SLOW.toNanos()) {
      log.waitForDiskNoMore();
      Birth born = birth;
      if (born != null && !birthWritten) {
        born.written.run();
      }
    }
    if (now - askedNanos >= BEGIN_PATIENCE.toNanos()) {
      refuse(unavailable("does not answer"));
    }
    return at != Stage.QUEUED && now - turnNanos >= SpoolThreads.SLOW.toNanos();
  }

  /** The one behind it in the queue from now on; gives back the one before. */
  @Nullable JobSpool follow(@Nullable JobSpool behind) {
    JobSpool before = next;
    next = behind;
    return before;
  }

  /** There is something to write. Any thread. */
  private void wake() {
    if (stage.get() == Stage.IDLE) {
      askedNanos = System.nanoTime();
    }
    boolean done = false;
    while (!done) {
      if (stage.compareAndSet(Stage.IDLE, Stage.QUEUED)) {
        spooler.begin(this);
        return;
      }
      Stage at = stage.get();
      boolean asked = at == Stage.QUEUED || at == Stage.AGAIN;
      done = asked || stage.compareAndSet(Stage.RUNNING, Stage.AGAIN);
    }
  }

  /** Its turn. Throws what it was thrown, after its job was told. */
  void takeTurn() {
    turnNanos = System.nanoTime();
    stage.set(Stage.RUNNING);
    try {
      turn();
    } catch (Throwable e) {
      refuse(new RejectedException(ErrorCode.UNAVAILABLE, "internal error: " + e));
      pause();
      throw e;
    } finally {
      // Before others can see that it has asked, as it may from now on.
      askedNanos = System.nanoTime();
      if (stage.compareAndSet(Stage.RUNNING, Stage.IDLE)) {
        spooler.end();
      } else {
        stage.set(Stage.QUEUED);
        spooler.again(this);
      }
    }
  }

  private void turn() {
    JobFile open = file;
    if (gone) {
      remove(open);
      return;
    }
    if (pausing) {
      return;
    }
    if (open == null) {
      open = make();
    }
    if (open == null) {
      return;
    }
    if (!open.isEnded() && writeSome(open)) {
      wake();
    } else if (open.isEnded() && recordOnly) {
      var _ = open.dropOutput();
    }
  }

  /** Whether there may be more to write at once. */
  private boolean writeSome(JobFile open) {
    for (int i = 0; i < TURN; i++) {
      if (!writeNext(open)) {
        return false;
      }
    }
    return true;
  }

  private void remove(@Nullable JobFile old) {
    file = null;
    spooler.remove(this);
    if (old != null) {
      spooler.delete(old);
    }
  }

  // Null: it can't be made now, or is not to be.
  private @Nullable JobFile make() {
    SpooledJob what = job;
    if (what == null) {
      return null;
    }
    JobFile made;
    try {
      made = spooler.create(what, maxBytes);
    } catch (IOException e) {
      failed(what, e);
      return null;
    }
    file = made;
    log.spooled(reader.position());
    Waiting then = takeWaiting();
    if (then != null) {
      then.begun.begun();
    }
    return made;
  }

  private void failed(SpooledJob what, IOException e) {
    if (!warned) {
      warned = true;
      spooler.warn("spool not made job=" + what.job() + " cause=" + e);
    }
    if (what.onceDigest() != null) {
      // Another life would not know of it, and run it again.
      refuse(unavailable(reason(e)));
    }
    Waiting then = takeWaiting();
    if (then != null) {
      // The command is not to suffer from it.
      then.begun.begun();
    }
    pause();
  }

  private static String reason(IOException e) {
    String said = e instanceof FileSystemException of ? of.getReason() : e.getMessage();
    return said == null ? e.getClass().getSimpleName() : said;
  }

  private static RejectedException unavailable(String why) {
    return new RejectedException(ErrorCode.UNAVAILABLE, "on_full: spool: the disk for it: " + why);
  }

  // Any thread.
  private void refuse(RejectedException why) {
    Waiting then = takeWaiting();
    if (then != null) {
      then.begun.refused(why);
    }
  }

  // Any thread.
  private @Nullable Waiting takeWaiting() {
    Waiting then = waiting.getAndSet(null);
    if (then != null) {
      spooler.left(then.principal);
    }
    return then;
  }

  private boolean writeNext(JobFile open) {
    if (!writeBirth(open)) {
      pause();
      return false;
    }
    int room = open.room(reader.position());
    while (room == 0 && open.isCrowdedOut() && makeRoom()) {
      room = open.room(reader.position());
    }
    if (room == 0) {
      return stop(open);
    }
    LentSlice lease = reader.next(room);
    if (lease == null) {
      End end = reader.end();
      if (end != null && !writeEnd(open, end)) {
        pause();
      }
      return false;
    }
    boolean written = false;
    try {
      written =
          writeBirth(open)
              && open.append(lease.stream(), lease.offset(), lease.bytes().asByteBuffer());
    } finally {
      if (!written) {
        reader.moveTo(lease.offset());
      }
      lease.close();
    }
    if (written) {
      // A disk that takes something does not hang.
      turnNanos = System.nanoTime();
      askedNanos = turnNanos;
      log.spooled(reader.position());
    }
    return written || stop(open);
  }

  private boolean makeRoom() {
    SpooledJob what = job;
    return what != null && spooler.makeRoom(what.caller().principal());
  }

  // Before all output: it was there first.
  private boolean writeBirth(JobFile open) {
    Birth born = birth;
    if (born != null && !birthWritten && open.started(born.pid, born.at)) {
      birthWritten = true;
      born.written.run();
    }
    return born == null || birthWritten;
  }

  private boolean writeEnd(JobFile open, End end) {
    boolean written = writeBirth(open) && open.end(end, Instant.now());
    if (written) {
      spooler.remove(this);
      log.spooledAll();
    }
    return written;
  }

  // Its output has no room: its end may have.
  private boolean stop(JobFile open) {
    End end = log.end();
    if (end == null || !writeEnd(open, end)) {
      pause();
    }
    return false;
  }

  private void pause() {
    pausing = true;
    log.stopSpooling();
    Birth born = birth;
    if (born != null && !birthWritten) {
      born.written.run();
    }
    later.accept(this::retry);
  }

  // For the log, under its lock.

  /** The first byte at the offset or after it that can be read back; or somewhere beyond all. */
  long available(long offset) {
    JobFile open = file;
    return open == null ? Long.MAX_VALUE : beyond(open, open.available(offset));
  }

  private static long beyond(JobFile file, long offset) {
    return offset >= file.end() ? Long.MAX_VALUE : offset;
  }

  // For readers, under its lock: what takes time is done by others.

  /**
   * Reads back what stands there, and gives it to the reader.
   *
   * @return calls it off, if it has not begun
   */
  Runnable load(LogReader by, long offset, int maxBytes) {
    Runnable task = () -> loadNow(by, offset, maxBytes);
    synchronized (reads) {
      reads.add(task);
    }
    readNext();
    return () -> callOff(task);
  }

  // Any thread from here on. In the spooler's own queue there is one of ours at most.

  private void readNext() {
    synchronized (reads) {
      if (reading == null && !reads.isEmpty()) {
        Runnable task = reads.remove();
        reading = new Reading(task, spooler.read(task));
      }
    }
  }

  private void callOff(Runnable task) {
    synchronized (reads) {
      Reading current = reading;
      if (reads.remove(task) || current == null || current.task != task) {
        return;
      }
      if (!current.callOff.getAsBoolean()) {
        return;
      }
      reading = null;
    }
    readNext();
  }

  private void loadNow(LogReader by, long offset, int maxBytes) {
    Chunk chunk = null;
    try {
      chunk = read(offset, maxBytes);
    } catch (Throwable e) {
      spooler.report("spool not read", e);
    }
    try {
      log.loaded(by, chunk);
    } finally {
      synchronized (reads) {
        reading = null;
      }
      readNext();
    }
  }

  private @Nullable Chunk read(long offset, int maxBytes) {
    JobFile open = file;
    SpoolReader replay = open == null ? null : open.read(offset, maxBytes);
    if (replay == null) {
      return null;
    }
    MemorySegment memory = NativeMemory.allocate(replay.bytes());
    Chunk chunk = Chunk.loaded(memory, replay.offset());
    for (SpoolReader.Run run : replay.runs()) {
      int length = run.bytes().remaining();
      chunk.room(length).copyFrom(MemorySegment.ofBuffer(run.bytes()));
      chunk.append(run.stream(), length);
    }
    return chunk;
  }
}
