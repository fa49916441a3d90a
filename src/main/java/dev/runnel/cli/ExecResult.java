package dev.runnel.cli;

import dev.runnel.model.End;
import dev.runnel.model.Event;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.Leftover;
import dev.runnel.model.Outcome;
import dev.runnel.model.Signal;
import dev.runnel.model.StartFailure;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What {@code exec} makes of how it went.
 *
 * @param complaint a line on what went wrong; null: nothing did
 * @param note a line on what else is worth knowing; null: nothing is
 * @param ended the job's end; null: none came
 */
record ExecResult(
    int exitCode, @Nullable String complaint, @Nullable String note, Event.@Nullable Ended ended) {
  static final int TIMED_OUT = 124;
  static final int CANNOT_RUN = 126;
  static final int NOT_FOUND = 127;
  static final int INTERRUPTED = 130;
  private static final int SIGNAL_BASE = 128;
  private static final List<String> SHELL_ONLY =
      List.of(
          "cd", "export", "source", ".", "alias", "ulimit", "umask", "set", "if", "for", "while");

  static ExecResult of(Failure failure, Verb verb) {
    boolean usage = failure.exitCode() == Failure.USAGE;
    String hint = usage ? " (see runnel " + verb.word() + " --help)" : "";
    int code = usage ? Failure.OURS : failure.exitCode();
    return new ExecResult(code, failure.line() + hint, null, null);
  }

  /** A signal to us ended it all. */
  static ExecResult ofSignal(Signal signal) {
    return new ExecResult(SIGNAL_BASE + signal.number(), "ended by SIG" + signal, null, null);
  }

  /** The same with what else is worth knowing. */
  ExecResult withNote(String other) {
    return new ExecResult(exitCode, complaint, other, ended);
  }

  /**
   * The end came.
   *
   * @param loss what did not; it outweighs every success
   */
  static ExecResult of(
      Event.Ended ended, @Nullable String loss, JobControl control, String command) {
    return of(ended, loss, control.canceled(), command);
  }

  /** The same where this is known of who would have canceled it. */
  static ExecResult of(
      Event.Ended ended, @Nullable String loss, JobControl.Canceled by, String command) {
    End end = ended.end();
    if (loss != null) {
      return new ExecResult(Failure.OURS, loss, note(end), ended);
    }
    return switch (end.outcome()) {
      case EXITED, SIGNALED -> ended(ended);
      case TIMED_OUT -> new ExecResult(TIMED_OUT, null, join("timed out", note(end)), ended);
      case CANCELED -> canceled(ended, by);
      case START_FAILED -> startFailed(ended, command);
      case LOST -> failed(ended, "the server lost track of the job: how it ended is not known");
      case SHUTDOWN -> failed(ended, "the server shut down and ended the job");
      case ABANDONED -> failed(ended, "the job was ended because nobody followed it");
    };
  }

  /** Whether the exit code says it all, as of a program that a signal ended. */
  boolean speaksForItself() {
    return exitCode > SIGNAL_BASE && exitCode < Failure.OURS;
  }

  private static ExecResult ended(Event.Ended ended) {
    ExitStatus status = ended.end().status();
    return status == null
        ? failed(ended, "the server did not tell how the command ended")
        : new ExecResult(code(status), null, note(ended.end()), ended);
  }

  private static int code(ExitStatus status) {
    return status instanceof ExitStatus.Exited(int code)
        ? code
        : SIGNAL_BASE + ((ExitStatus.Signaled) status).number();
  }

  private static ExecResult canceled(Event.Ended ended, JobControl.Canceled by) {
    return by == JobControl.Canceled.BY_US
        ? new ExecResult(INTERRUPTED, null, join("canceled", note(ended.end())), ended)
        : failed(ended, "the job was canceled");
  }

  private static ExecResult startFailed(Event.Ended ended, String command) {
    StartFailure failure = ended.end().failure();
    if (failure == null) {
      return failed(ended, "cannot start " + command);
    }
    // Not where the folder or the user is what there is none of: a script would look for the
    // command.
    boolean notFound =
        failure.at() == StartFailure.At.EXEC
            && (failure.errno().equals("ENOENT") || failure.errno().equals("ENOTDIR"));
    String reason = why(failure, command) + " (" + failure.errno() + ")";
    return new ExecResult(
        notFound ? NOT_FOUND : CANNOT_RUN,
        "cannot start " + command + ": " + reason + (notFound ? hint(command) : ""),
        null,
        ended);
  }

  // What only a shell understands.
  private static String hint(String command) {
    boolean line = command.indexOf(' ') >= 0 || command.indexOf('=') > 0;
    return line || SHELL_ONLY.contains(command) ? "; a line for the shell goes after -c" : "";
  }

  // Servers name the step and the command in the message, where the line has named it already.
  private static String why(StartFailure failure, String command) {
    String message = failure.message();
    String step = failure.at().wireName();
    String known = step + " " + command + ": ";
    if (message.startsWith(known)) {
      return message.substring(known.length());
    }
    boolean said = failure.at() == StartFailure.At.EXEC || message.startsWith(step + " ");
    return said ? message : step + ": " + message;
  }

  private static ExecResult failed(Event.Ended ended, String complaint) {
    return new ExecResult(Failure.OURS, complaint, note(ended.end()), ended);
  }

  private static @Nullable String note(End end) {
    String note = end.oom() ? "the kernel killed it for want of memory" : null;
    if (end.status() instanceof ExitStatus.Signaled signaled) {
      note = join(note, limit(signaled.signalName()));
    }
    // Of a lost job nobody watched the output any more.
    if (!end.drained() && end.outcome() != Outcome.LOST) {
      note = join(note, "something still held the output when the server stopped waiting for more");
    }
    if (end.leftoversTotal() > 0) {
      note = join(note, leftovers(end));
    }
    return note;
  }

  private static @Nullable String limit(String signal) {
    return switch (signal) {
      case "XCPU" -> "SIGXCPU: its processor time was used up (--limit-cpu)";
      case "XFSZ" -> "SIGXFSZ: a file became longer than allowed (--limit-file)";
      default -> null;
    };
  }

  private static String leftovers(End end) {
    StringBuilder text = new StringBuilder(100);
    boolean ended = true;
    for (Leftover leftover : end.leftovers()) {
      ended &= leftover.ended();
    }
    int total = end.leftoversTotal();
    text.append(ended ? "ended " : "left running: ").append(total);
    text.append(total == 1 ? " process" : " processes").append(" that outlived the command");
    String separator = ": ";
    for (Leftover leftover : end.leftovers().subList(0, Math.min(3, end.leftovers().size()))) {
      text.append(separator).append(leftover.command()).append(" (").append(leftover.pid());
      text.append(')');
      separator = ", ";
    }
    text.append(total > 3 ? ", …" : "");
    return text.append(
            ended ? " (to keep such processes: --leftovers keep, or runnel run for each)" : "")
        .toString();
  }

  /** The same with a job's name in front of what it says. */
  ExecResult named(String name) {
    return new ExecResult(
        exitCode,
        complaint == null ? null : name + complaint,
        note == null ? null : name + note,
        ended);
  }

  /** The same with more to say in the complaint. */
  ExecResult hinting(String hint) {
    return new ExecResult(exitCode, complaint + hint, note, ended);
  }

  private static @Nullable String join(@Nullable String a, @Nullable String b) {
    return a == null ? b : b == null ? a : a + "; " + b;
  }
}
