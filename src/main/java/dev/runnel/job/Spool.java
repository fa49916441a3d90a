package dev.runnel.job;

import dev.runnel.model.End;
import dev.runnel.process.NativeMemory;
import dev.runnel.spool.JobFile;
import dev.runnel.spool.Replay;
import dev.runnel.spool.SpooledJob;
import java.lang.foreign.MemorySegment;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A job's output on disk. It reads the log as a follower would, and writes what it reads: the log
 * keeps what is not written yet, which holds the process back while the disk is slower. When the
 * disk is full it stops, and the log goes on without it; it looks again every so often. What is
 * private here happens on the thread that writes, unless it says otherwise.
 */
final class Spool {
  /** How many pieces it writes before it lets other jobs have their turn. */
  private static final int TURN = 16;

  private static final int REPLAY_BYTES = 65_536;

  private final Spooler spooler;
  private final Consumer<Runnable> later;
  private final OutputLog log;
  private final long maxBytes;
  private final LogReader reader;
  private final AtomicBoolean looking = new AtomicBoolean();

  // Read by those who read back. Null: there is none yet, or it could not be made.
  private volatile @Nullable JobFile file;
  private volatile boolean gone;
  private boolean waiting;

  /**
   * Of a job that is still to start.
   *
   * @param later runs what it is given after a while, on any thread
   */
  Spool(Spooler spooler, Consumer<Runnable> later, OutputLog log, long maxBytes) {
    this.spooler = spooler;
    this.later = later;
    this.log = log;
    this.maxBytes = maxBytes;
    this.reader = log.spoolTo(this, this::wake);
  }

  /** Of a job of an earlier life. */
  Spool(Spooler spooler, Consumer<Runnable> later, OutputLog log, JobFile found) {
    this(spooler, later, log, 0);
    file = found;
  }

  // For the job.

  /** Writes down that there is such a job, before it may start. */
  void begin(SpooledJob job, Runnable then) {
    spooler.write(
        () -> {
          file = gone ? null : spooler.create(job, maxBytes);
          if (file == null) {
            // The command is not to suffer from it.
            log.stopSpooling();
          }
          wake();
          then.run();
        });
  }

  void started(int pid, Instant at) {
    spooler.write(
        () -> {
          JobFile open = file;
          if (open != null) {
            open.started(pid, at);
          }
        });
  }

  /** The log has its end, which is written even where there is no room for output. Any thread. */
  void ended() {
    retry();
  }

  /** Nobody can ask for it any more. */
  void delete() {
    gone = true;
    spooler.write(
        () -> {
          JobFile old = file;
          file = null;
          if (old != null) {
            spooler.delete(old);
          }
        });
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
  Runnable load(LogReader by, long offset) {
    return spooler.read(() -> log.loaded(by, read(offset)));
  }

  private @Nullable Chunk read(long offset) {
    JobFile open = file;
    Replay replay = open == null ? null : open.read(offset, REPLAY_BYTES);
    if (replay == null) {
      return null;
    }
    MemorySegment memory = NativeMemory.allocate(replay.bytes());
    Chunk chunk = Chunk.loaded(memory, replay.offset());
    for (Replay.Run run : replay.runs()) {
      int length = run.bytes().remaining();
      chunk.room(length).copyFrom(MemorySegment.ofBuffer(run.bytes()));
      chunk.append(run.stream(), length);
    }
    return chunk;
  }

  // Any thread: there is more, or the end.
  private void wake() {
    if (looking.compareAndSet(false, true)) {
      spooler.write(this::write);
    }
  }

  private void write() {
    // Before the look: what comes during it wakes us again.
    looking.set(false);
    JobFile open = file;
    if (open == null || waiting) {
      return;
    }
    for (int i = 0; i < TURN; i++) {
      if (!writeNext(open)) {
        return;
      }
    }
    wake();
  }

  private boolean writeNext(JobFile open) {
    int room = open.room(reader.position());
    if (room == 0) {
      stop(open);
      return false;
    }
    Lease lease = reader.next(room);
    if (lease == null) {
      End end = reader.end();
      if (end != null) {
        open.end(end, Instant.now());
        log.spooledAll();
      }
      return false;
    }
    boolean written = open.append(lease.stream(), lease.offset(), lease.bytes().asByteBuffer());
    long end = lease.end();
    if (!written) {
      reader.moveTo(lease.offset());
    }
    lease.close();
    if (written) {
      log.spooled(end);
    } else {
      stop(open);
    }
    return written;
  }

  private void stop(JobFile open) {
    log.stopSpooling();
    End end = log.end();
    if (end != null) {
      open.end(end, Instant.now());
      log.spooledAll();
      return;
    }
    waiting = true;
    later.accept(this::retry);
  }

  // Any thread.
  private void retry() {
    spooler.write(
        () -> {
          waiting = false;
          write();
        });
  }
}
