package dev.runnel.cli;

import dev.runnel.model.Terminal;
import dev.runnel.model.TerminalModes;
import dev.runnel.model.TerminalSize;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Lends our terminal to a job's: while it runs, keys are bytes for it, its output is shown as it
 * comes, and a new size is told. Afterwards ours is what it was, whatever ends us but KILL. Any
 * thread.
 */
final class TerminalRelay {
  /** For so long a program that is to draw anew has another size. */
  private static final Duration REDRAW = Duration.ofMillis(500);

  private final TerminalDevice device;

  /** What our terminal was; null: we have none. */
  private final byte @Nullable [] before;

  // Two locks: telling a size may block in the connection, which giving back must not wait for.
  private final Object telling = new Object();
  // Guarded by telling.
  private @Nullable TerminalSize told;
  private @Nullable JobControl job;

  private boolean redraws;

  /** Whether what is told is not our size, for a while. Set under telling. */
  private volatile boolean drawing;

  // Guarded by this.
  private Stage stage = Stage.OURS;
  private boolean keepsKeys;

  private enum Stage {
    OURS,
    LENT,
    OVER
  }

  private TerminalRelay(TerminalDevice device) {
    this.device = device;
    this.before = device.modes();
  }

  /**
   * Of the terminal of this process; changes nothing on it yet.
   *
   * @throws Failure if this system's terminals are of a kind that we don't know
   */
  static TerminalRelay open(CliContext.Signals signals) throws Failure {
    TerminalRelay relay = new TerminalRelay(new TerminalDevice());
    signals.on("WINCH", relay::tellSize);
    signals.on("CONT", relay::resume);
    signals.on("TSTP", () -> relay.suspend(relay.device::stop));
    Runtime.getRuntime().addShutdownHook(new Thread(relay::giveBack, "terminal"));
    return relay;
  }

  /** What the job is to have: ours, as far as it can be told. */
  Terminal asked(Map<String, String> env) {
    String term = env.getOrDefault("TERM", "");
    TerminalSize size = device.size();
    synchronized (telling) {
      told = size == null ? TerminalSize.DEFAULT : size;
      return new Terminal(
          told,
          Terminal.isTerm(term) && term.indexOf('\uFFFD') < 0 ? term : Terminal.UNKNOWN_TERM,
          before == null ? TerminalModes.USUAL : TerminalModes.of(before));
    }
  }

  /** Its size; null: it has none. */
  @Nullable TerminalSize size() {
    return device.size();
  }

  /** The job takes no keys: what is typed stays with us, and Ctrl-C is heard here. */
  synchronized void keepKeys() {
    keepsKeys = true;
  }

  /** What the job showed before was on another terminal: it is to draw all anew. */
  void redraw() {
    synchronized (telling) {
      redraws = true;
    }
  }

  /** The same keys; one that is typed while the job is to draw anew finds our size told. */
  ReadableByteChannel keys(ReadableByteChannel in) {
    return new ReadableByteChannel() {
      @Override
      public int read(ByteBuffer into) throws IOException {
        int count = in.read(into);
        // At no other time: what leaves a job is read here, too, and telling may block.
        if (drawing) {
          tellSize();
        }
        return count;
      }

      @Override
      public boolean isOpen() {
        return in.isOpen();
      }

      @Override
      public void close() throws IOException {
        in.close();
      }
    };
  }

  /** The job runs, or is followed again. */
  void lend(JobControl started) {
    synchronized (this) {
      if (stage == Stage.OURS) {
        stage = Stage.LENT;
      }
      makeRaw();
    }
    synchronized (telling) {
      job = started;
    }
    tellSize();
  }

  /** Until it is lent again: nobody gets its keys, and Ctrl-C has to be heard here. */
  void takeBack() {
    synchronized (this) {
      restore();
      if (stage == Stage.LENT) {
        stage = Stage.OURS;
      }
    }
    synchronized (telling) {
      // What was told last may not have arrived.
      told = null;
      job = null;
    }
  }

  /** For good; idempotent. */
  synchronized void giveBack() {
    restore();
    stage = Stage.OVER;
  }

  private void makeRaw() {
    if (stage == Stage.LENT && !keepsKeys && before != null && device.isOurs()) {
      device.set(TerminalDevice.raw(before));
    }
  }

  private void restore() {
    if (stage == Stage.LENT && before != null && device.isOurs()) {
      device.set(before);
    }
  }

  /** Gives it back for as long as we are stopped; what stops us returns when we go on. */
  void suspend(Runnable stop) {
    synchronized (this) {
      restore();
    }
    stop.run();
  }

  private void resume() {
    synchronized (this) {
      makeRaw();
    }
    tellSize();
  }

  // Another size makes a program draw anew, if it lasts until the program looks. Where there is no
  // thread to wait for that, ours is told at once.
  private boolean tellsSizeLater() {
    try {
      Thread.ofPlatform().daemon().name("redraw").start(this::tellSizeLater);
      return true;
    } catch (OutOfMemoryError noThread) {
      return false;
    }
  }

  private void tellSizeLater() {
    LockSupport.parkNanos(REDRAW.toNanos());
    tellSize();
  }

  private void tellSize() {
    synchronized (telling) {
      // Asked within: of two that tell, the later one tells the later size.
      TerminalSize now = device.size();
      if (job == null || now == null) {
        return;
      }
      if (redraws) {
        redraws = false;
        told = new TerminalSize(now.rows() == 1 ? 2 : now.rows() - 1, now.cols());
        drawing = tellsSizeLater();
        job.resize(told);
        if (drawing) {
          return;
        }
      }
      if (!now.equals(told)) {
        told = now;
        drawing = false;
        job.resize(now);
      }
    }
  }
}
