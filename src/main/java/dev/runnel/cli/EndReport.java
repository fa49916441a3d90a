package dev.runnel.cli;

import dev.runnel.model.End;
import dev.runnel.model.Event;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.Leftover;
import dev.runnel.model.StartFailure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;

/**
 * The file that {@code --report} asks for: the keys of the {@code end}, if there was one, after
 * {@code exit_status} and, if something failed, {@code failure}. Who reads it finds all of it or
 * what was there before.
 */
final class EndReport {
  private final Path file;

  private EndReport(Path file) {
    this.file = file;
  }

  /** Checks, before anything is run, that the file can be written. */
  static EndReport to(String name) throws Failure {
    Path file = Path.of(name).toAbsolutePath();
    Path folder = file.getParent();
    if (Files.isDirectory(file) || folder == null) {
      throw Failure.usage(ExecOptions.REPORT.name() + ": " + name + " is a folder");
    }
    if (!Files.isDirectory(folder)) {
      throw Failure.usage(ExecOptions.REPORT.name() + ": " + folder + ": no such folder");
    }
    if (!isSpecial(file) && !Files.isWritable(folder)) {
      throw Failure.usage(ExecOptions.REPORT.name() + ": " + folder + ": permission denied");
    }
    return new EndReport(file);
  }

  void write(ExecResult verdict) throws IOException {
    write(json(verdict) + "\n");
  }

  void write(String text) throws IOException {
    if (isSpecial(file)) {
      Files.writeString(file, text);
      return;
    }
    // What a link points to is written, not the link.
    Path real = Files.exists(file) ? file.toRealPath() : file;
    Path draft =
        real.resolveSibling("." + real.getFileName() + "." + ProcessHandle.current().pid());
    try {
      Files.writeString(draft, text);
      Files.move(draft, real, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(draft);
    }
  }

  /** Whether it is a device or a pipe, which must not be replaced by a file. */
  private static boolean isSpecial(Path file) {
    return Files.exists(file) && !Files.isRegularFile(file);
  }

  static JsonText json(ExecResult verdict) {
    return json(new JsonText(), verdict);
  }

  /** The same behind what is there. */
  static JsonText json(JsonText json, ExecResult verdict) {
    json.put("exit_status", verdict.exitCode());
    if (verdict.complaint() != null) {
      json.put("failure", verdict.complaint());
    }
    Event.Ended ended = verdict.ended();
    if (ended != null) {
      json.put("job", ended.end().job().value());
      return putEnd(json, ended.end()).put("gap_bytes", ended.gapBytes());
    }
    return json;
  }

  /** Puts what an end tells, but for its job. */
  static JsonText putEnd(JsonText json, End end) {
    json.put("outcome", end.outcome().wireName());
    switch (end.status()) {
      case null -> {}
      case ExitStatus.Exited(int code) -> json.put("exit_code", code);
      case ExitStatus.Signaled signaled -> json.put("signal", signaled.signalName());
    }
    StartFailure failure = end.failure();
    if (failure != null) {
      json.put("errno", failure.errno()).put("at", failure.at().wireName());
      json.put("message", failure.message());
    }
    json.put("stdout", end.stdout()).put("stderr", end.stderr());
    json.put("output_bytes", end.outputBytes()).put("drained", end.drained());
    json.put("leftovers", leftovers(end)).put("leftovers_total", end.leftoversTotal());
    if (end.startedAt() != null) {
      json.put("started_at_ms", end.startedAt().toEpochMilli());
    }
    if (end.duration() != null) {
      json.put("duration_ms", end.duration().toMillis());
    }
    if (end.cpu() != null) {
      json.put("cpu_ms", end.cpu().toMillis());
    }
    return json;
  }

  private static List<JsonText> leftovers(End end) {
    List<JsonText> leftovers = new ArrayList<>();
    for (Leftover leftover : end.leftovers()) {
      leftovers.add(
          new JsonText()
              .put("pid", leftover.pid())
              .put("command", leftover.command())
              .put("ended", leftover.ended()));
    }
    return leftovers;
  }
}
