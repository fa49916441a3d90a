package dev.runnel.cli;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * Tells how {@code exec} ended, once, whichever thread comes first: on stderr and in the report.
 */
final class ExitReporter {
  private final OutputDescriptor err;
  private Notes notes = Notes.SHOWN;
  private Runnable before = () -> {};
  private @Nullable EndReport report;
  private @Nullable Integer exitCode;
  private @Nullable Thread leaver;

  /** Whether what is no error is told as well. */
  enum Notes {
    SHOWN,
    HIDDEN
  }

  ExitReporter(OutputDescriptor err) {
    this.err = err;
  }

  synchronized void hideNotes() {
    notes = Notes.HIDDEN;
  }

  /** Done before anything is told. */
  synchronized void before(Runnable action) {
    before = action;
  }

  synchronized void reportTo(EndReport file) {
    report = file;
  }

  /** Tells, on the way, what is no error. */
  void note(String line) {
    if (isShowingNotes()) {
      err.tryPrintLine(line);
    }
  }

  /** Says what there is to say of one end of several, which is not the one we end with. */
  synchronized void mention(ExecResult verdict) {
    if (exitCode == null && verdict.complaint() != null && !verdict.speaksForItself()) {
      err.tryPrintLine(verdict.complaint());
    }
    if (verdict.note() != null) {
      note(verdict.note());
    }
  }

  private synchronized boolean isShowingNotes() {
    return notes == Notes.SHOWN && exitCode == null;
  }

  /** A signal ends us: this thread is going to tell, and whoever else would waits for that. */
  synchronized void leave() {
    leaver = leaver == null ? Thread.currentThread() : leaver;
  }

  /**
   * Tells, unless it is told already.
   *
   * @return the exit code: of whoever told first, or another one if the report could not be written
   */
  synchronized int tell(ExecResult verdict) {
    awaitLeaver();
    if (exitCode == null) {
      before.run();
      exitCode = verdict.exitCode();
      if (verdict.complaint() != null && !verdict.speaksForItself()) {
        err.tryPrintLine(verdict.complaint());
      }
      if (verdict.note() != null && notes == Notes.SHOWN) {
        err.tryPrintLine(verdict.note());
      }
      write(verdict);
      notifyAll();
    }
    return exitCode;
  }

  // What we hear after we said farewell is no failure.
  private synchronized void awaitLeaver() {
    try {
      while (exitCode == null && leaver != null && leaver != Thread.currentThread()) {
        wait();
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  private void write(ExecResult verdict) {
    if (report == null) {
      return;
    }
    try {
      report.write(verdict);
    } catch (IOException e) {
      err.tryPrintLine("cannot write the report: " + Reasons.of(e, String.valueOf(e.getMessage())));
      exitCode = Failure.OURS;
    }
  }
}
