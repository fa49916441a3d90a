package dev.runnel;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A real runneld, in a process of its own; what it logs goes to a file. */
public final class Daemon implements AutoCloseable {
  private static final long PATIENCE_SECONDS = 30;

  private final Process process;
  private final BufferedReader stdout;
  private final Path stderr;
  private int port;

  private Daemon(Process process, Path stderr) {
    this.process = process;
    this.stdout = process.inputReader(StandardCharsets.UTF_8);
    this.stderr = stderr;
  }

  /** Starts {@code runnel serve} with these arguments; does not wait for it. */
  public static Daemon start(String... arguments) throws IOException {
    return start(List.of("-Xmx128m"), arguments);
  }

  /** The same in a JVM with these options. */
  public static Daemon start(List<String> options, String... arguments) throws IOException {
    return start(List.of(), options, arguments);
  }

  /**
   * The same, run by another program, such as unshare; whether it has a watchdog is its own choice.
   */
  public static Daemon startWithin(List<String> program, String... arguments) throws IOException {
    return start(program, List.of("-Xmx128m"), arguments);
  }

  private static Daemon start(List<String> program, List<String> options, String... arguments)
      throws IOException {
    Path stderr = Files.createTempFile("runneld", ".log");
    List<String> command = new ArrayList<>(program);
    command.addAll(
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-XX:+UseSerialGC",
            // Few live for so long that the second compiler earns what it takes.
            "-XX:TieredStopAtLevel=1",
            "-XX:-MaxFDLimit",
            "-XX:+ExitOnOutOfMemoryError",
            "-XX:+DisplayVMOutputToStderr",
            // As our launcher has it: on stdout a JVM's own warnings would be taken for our lines.
            "-Xlog:disable",
            "-Xlog:all=error:stderr"));
    command.addAll(Trained.daemon());
    command.addAll(options);
    command.addAll(
        // As users have it: of a folder, each class that is used first takes a descriptor.
        List.of(
            "-cp",
            Path.of("target/runnel.jar").toAbsolutePath().toString(),
            "dev.runnel.Main",
            "serve"));
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command).redirectError(stderr.toFile());
    // Most tests kill it in the end, with nothing left to clear away.
    if (program.isEmpty()) {
      builder.environment().put("RUNNEL_WATCHDOG", "off");
    }
    // Only where a test says so: there may be a daemon on this machine that has a folder.
    builder.environment().put("RUNNEL_STATE_DIR", "none");
    return new Daemon(builder.start(), stderr);
  }

  public Process process() {
    return process;
  }

  /** The next line of stdout; blocks until there is one. */
  public String line() throws IOException {
    String line = stdout.readLine();
    if (line == null) {
      throw new IOException("runneld said nothing more; its log: " + log());
    }
    return line;
  }

  /** The port of its first listener on TCP; the first call reads the line, which is the next. */
  public int port() throws IOException {
    if (port == 0) {
      port = nextPort();
    }
    return port;
  }

  /** The port of a further listener on TCP, whose line is the next. */
  public int nextPort() throws IOException {
    String line = line();
    return Integer.parseInt(line.substring(line.lastIndexOf(':') + 1));
  }

  public String log() throws IOException {
    return Files.readString(stderr);
  }

  /** What it warns of, but for a machine that gave its threads no time. */
  public List<String> warnings() throws IOException {
    return log()
        .lines()
        .filter(line -> line.contains(" WARN ") || line.contains(" ERROR "))
        .filter(line -> !line.contains("BlockedThreadChecker"))
        .toList();
  }

  /** Waits for its end, whatever makes it end, and returns the exit code. */
  public int exitCode() throws InterruptedException {
    if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
      throw new AssertionError("runneld still runs");
    }
    return process.exitValue();
  }

  @Override
  public void close() throws IOException {
    process.destroyForcibly().onExit().orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS).join();
    Files.deleteIfExists(stderr);
  }
}
