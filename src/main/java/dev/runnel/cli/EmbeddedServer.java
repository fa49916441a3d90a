package dev.runnel.cli;

import dev.runnel.model.JvmSettings;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A server of our own, for {@code exec} without a host: a child process that ends, and ends its
 * jobs, when the pipe that is its stdin closes, however we end. It listens in a folder that nobody
 * else may enter.
 */
final class EmbeddedServer implements AutoCloseable {
  private static final long START_SECONDS = 30;
  private static final long END_SECONDS = 3;
  private static final String LISTENING = "listening on ";
  private static final int MAX_LINE = 1_024;

  private static final List<String> FLAGS =
      List.of(
          "-XX:+UseSerialGC",
          "-XX:TieredStopAtLevel=1",
          "-XX:-UsePerfData",
          "-XX:-MaxFDLimit",
          "-Xmx256m",
          "-Xmn32m",
          "-XX:+ExitOnOutOfMemoryError",
          "-XX:CompressedClassSpaceSize=64m",
          "-XX:+SuppressFatalErrorMessage",
          "-XX:+IgnoreUnrecognizedVMOptions",
          "--sun-misc-unsafe-memory-access=allow");

  /** Where address space is limited (ulimit -v): the launcher says so. */
  private static final List<String> SMALL =
      List.of(
          "-Xmx48m",
          "-Xmn16m",
          "-XX:CompressedClassSpaceSize=32m",
          "-XX:ReservedCodeCacheSize=24m");

  private final Path folder;
  private final Path socket;
  private final Process process;

  private EmbeddedServer(Path folder, Path socket, Process process) {
    this.folder = folder;
    this.socket = socket;
    this.process = process;
  }

  /**
   * Starts it and does not wait for it.
   *
   * @param cwd where the command is to run, absolute; null: where we are
   */
  static EmbeddedServer start(@Nullable String cwd) throws Failure {
    // The launcher left a folder that is gone for another, which is none to run commands in.
    if (cwd == null && System.getProperty("runnel.folder") != null) {
      throw Failure.of(
          "the current folder is gone: name another one with --cwd, or a host with -H");
    }
    try {
      // Readable for this user alone.
      Path folder = Files.createTempDirectory("runnel-");
      Path socket = folder.resolve("runneld.sock");
      try {
        return new EmbeddedServer(folder, socket, launch(socket));
      } catch (IOException e) {
        Files.deleteIfExists(folder);
        throw e;
      }
    } catch (IOException e) {
      throw Failure.of("cannot start a server for this command: " + e.getMessage());
    }
  }

  /** Blocks until it listens. */
  Host awaitListening() throws Failure {
    Thread watch = new Thread(this::endUnlessListening, "start");
    watch.setDaemon(true);
    watch.start();
    try {
      String line = readLine(process.getInputStream());
      if (line.startsWith(LISTENING)) {
        return new Host.Unix(socket);
      }
      throw Failure.of("the server for this command " + whyNot(line));
    } catch (IOException e) {
      throw Failure.of("the server for this command did not start: " + e.getMessage());
    } finally {
      watch.interrupt();
    }
  }

  private void endUnlessListening() {
    try {
      TimeUnit.SECONDS.sleep(START_SECONDS);
      process.destroyForcibly();
    } catch (InterruptedException _) {
      // It listens, or it is gone.
    }
  }

  private String whyNot(String line) {
    if (!line.isEmpty()) {
      return "said " + line + " (expected: " + LISTENING + "…)";
    }
    try {
      int code = process.waitFor();
      return code == 137
          ? "did not listen within " + START_SECONDS + " s"
          : "ended before it listened (exit code " + code + "); does runnel serve start?";
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
      return "ended before it listened";
    }
  }

  private static String readLine(InputStream in) throws IOException {
    StringBuilder line = new StringBuilder();
    int c;
    while ((c = in.read()) >= 0 && c != '\n' && line.length() < MAX_LINE) {
      line.append((char) c);
    }
    return line.toString();
  }

  private static Process launch(Path socket) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(System.getProperty("java.home") + File.separator + "bin" + File.separator + "java");
    command.addAll(JvmSettings.FLAGS);
    command.addAll(FLAGS);
    if (System.getProperty("runnel.limit") != null) {
      command.addAll(SMALL);
    }
    addOurs(command);
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), "dev.runnel.Main"));
    command.addAll(List.of("serve", "--embedded", "--listen", "unix:" + socket));
    command.addAll(List.of("--log-level", "error"));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.redirectError(ProcessBuilder.Redirect.INHERIT);
    JvmSettings.prepare(builder.environment());
    return builder.start();
  }

  private static void addOurs(List<String> command) {
    // Found by the launcher, which knows whether it still is of these jars.
    String cache = System.getProperty("runnel.serve.cache");
    if (cache != null) {
      command.add("-XX:AOTCache=" + cache);
      command.add("-Xlog:aot*=off,cds*=off:stderr");
    }
    for (String name : List.of("runnel.home", "runnel.java", "runnel.launcher")) {
      String value = System.getProperty(name);
      if (value != null) {
        command.add("-D" + name + "=" + value);
      }
    }
    String options = System.getenv("RUNNEL_JAVA_OPTS");
    if (options != null && !options.isBlank()) {
      command.addAll(List.of(options.strip().split("\\s+")));
    }
  }

  /** Has it end its jobs and itself, and waits for that, but not for long. */
  @Override
  public void close() {
    try {
      process.getOutputStream().close();
      var _ = process.waitFor(END_SECONDS, TimeUnit.SECONDS);
      Files.deleteIfExists(socket);
      Files.deleteIfExists(folder);
    } catch (IOException _) {
      // An empty folder in /tmp stays.
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }
}
