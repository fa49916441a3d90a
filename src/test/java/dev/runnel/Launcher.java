package dev.runnel;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** The launcher of a checkout or of a distribution, and the environment it is called in. */
final class Launcher {
  private static final long PATIENCE_SECONDS = 300;

  private final Path folder;
  private final Map<String, String> environment;

  /** What a call came to. */
  record Ran(int exitCode, String out, String err) {}

  private Launcher(Path folder, Map<String, String> environment) {
    this.folder = folder;
    this.environment = environment;
  }

  /** Runs what is built, on the Java that runs this. */
  static Launcher ofCheckout(Path folder) {
    return new Launcher(
        folder,
        Map.of(
            "PATH",
            System.getenv("PATH"),
            "HOME",
            System.getenv().getOrDefault("HOME", "/"),
            "JAVA_HOME",
            System.getProperty("java.home"),
            "RUNNEL_BUILD",
            "never"));
  }

  /** Finds no program but by its path. */
  static Launcher ofDistribution(Path folder) {
    return new Launcher(folder, Map.of("PATH", "/nonexistent"));
  }

  /** The same with another environment. */
  Launcher with(Map<String, String> environment) {
    return new Launcher(folder, environment);
  }

  Map<String, String> environment() {
    return environment;
  }

  /** A call that is not made yet. */
  ProcessBuilder call(String... arguments) {
    List<String> command = new ArrayList<>(List.of(folder.resolve("runnel").toString()));
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().clear();
    builder.environment().putAll(environment);
    return builder;
  }

  /** Calls it without a stdin, and waits for its end. */
  Ran run(String... arguments) throws IOException, InterruptedException {
    return run(call(arguments));
  }

  /** Runs a program without a stdin, and waits for its end. */
  static Ran run(ProcessBuilder builder) throws IOException, InterruptedException {
    Path out = Files.createTempFile("launcher", ".out");
    Path err = Files.createTempFile("launcher", ".err");
    try {
      Process process =
          builder
              .redirectInput(Path.of("/dev/null").toFile())
              .redirectOutput(out.toFile())
              .redirectError(err.toFile())
              .start();
      if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new AssertionError("still runs: " + builder.command() + ": " + Files.readString(err));
      }
      return new Ran(
          process.exitValue(),
          Files.readString(out, StandardCharsets.UTF_8),
          Files.readString(err, StandardCharsets.UTF_8));
    } finally {
      Files.delete(out);
      Files.delete(err);
    }
  }
}
