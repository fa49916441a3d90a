package dev.runnel.cli;

import dev.runnel.model.Signal;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * What {@code exec} does about signals to itself, on the threads that bring them. Nothing here
 * waits without bound, whatever the connection is stuck in.
 */
final class SignalHandler {
  /** But for INT, all that would end us without a word, and that the JVM leaves to us. */
  static final List<Signal> SIGNALS =
      List.of(
          Signal.TERM,
          Signal.HUP,
          Signal.USR1,
          Signal.ALRM,
          Signal.ABRT,
          Signal.VTALRM,
          Signal.PROF,
          Signal.XCPU);

  private static final long PARTING_MILLIS = 1_000;

  private final ExitReporter conclusion;
  private final IntConsumer halt;
  private final AtomicInteger interrupts = new AtomicInteger();
  private final AtomicInteger quits = new AtomicInteger();

  private volatile @Nullable String afterwards;
  private volatile @Nullable JobControl job;
  private volatile @Nullable EmbeddedServer server;

  SignalHandler(ExitReporter conclusion, IntConsumer halt) {
    this.conclusion = conclusion;
    this.halt = halt;
  }

  /** From now on there is a job to think of. */
  void job(JobControl started) {
    job = started;
  }

  /** What is to be known of the job if we go while its connection is lost. */
  void afterwards(String line) {
    afterwards = line;
  }

  /** From now on there is a server to think of. */
  void server(EmbeddedServer started) {
    server = started;
  }

  /**
   * Ctrl-C. The first goes to the command, the second cancels the job, and its end is waited for; a
   * third waits for nothing any more. As long as there is no job, or no connection to it, there is
   * nothing to wait for.
   */
  void interrupt() {
    JobControl running = job;
    int count = interrupts.incrementAndGet();
    if (running == null || running.isCut() || count > (running.hasJob() ? 2 : 1)) {
      leave(Signal.INT);
    } else {
      running.interrupt();
    }
  }

  /**
   * Ctrl-\\. Each goes to the command, whatever that makes of it. As long as there is none, one
   * waits for it, and the next ends us.
   */
  void quit() {
    JobControl running = job;
    if (running == null || (quits.incrementAndGet() > 1 && !running.hasJob())) {
      leave(Signal.QUIT);
    } else {
      running.quit();
    }
  }

  /** Ends the process as that signal would have, the job canceled. */
  void leave(Signal signal) {
    leave(ExecResult.ofSignal(signal));
  }

  /** Ends the process with that, the job canceled. */
  void leave(ExecResult verdict) {
    conclusion.leave();
    JobControl running = job;
    boolean cut = running != null && running.isCut();
    if (running != null && !cut) {
      Thread part = new Thread(() -> part(running), "part");
      part.setDaemon(true);
      part.start();
      try {
        part.join(PARTING_MILLIS);
      } catch (InterruptedException _) {
        Thread.currentThread().interrupt();
      }
    }
    String note = afterwards;
    int code = conclusion.tell(cut && note != null ? verdict.withNote(note) : verdict);
    closeServer();
    halt.accept(code);
  }

  private static void part(JobControl job) {
    try {
      job.partAndWait(PARTING_MILLIS);
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  void closeServer() {
    EmbeddedServer started = server;
    if (started != null) {
      started.close();
    }
  }
}
