package dev.runnel;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Caches of classes for the daemons and clients that tests start by the hundred, made once for a
 * run of the whole suite: a start then costs half as much. A run of a few tests makes none. The
 * first of the JVMs that share the tests makes them, and the others wait for it.
 */
final class Trained {
  private static final Path FOLDER = Path.of("target/trained").toAbsolutePath();
  private static final boolean IS_WANTED = Boolean.getBoolean("tests.trained");

  /** The same for all JVMs that share the tests of one build. */
  private static final String RUN = System.getProperty("tests.run", "");

  private static final long PATIENCE_SECONDS = 60;

  /** What has been made; nothing while it is being made. */
  private static List<String> daemon = List.of();

  private static List<String> client = List.of();

  static {
    if (IS_WANTED) {
      train();
    }
  }

  private Trained() {}

  /** Options for the JVM of a daemon that runs the jar. */
  static List<String> daemon() {
    return daemon;
  }

  /** Options for the JVM of a client that runs the jar. */
  static List<String> client() {
    return client;
  }

  private static void train() {
    Path ofDaemon = FOLDER.resolve("daemon.aot");
    Path ofClient = FOLDER.resolve("client.aot");
    Path madeFor = FOLDER.resolve("made-for");
    try {
      Files.createDirectories(FOLDER);
    } catch (IOException e) {
      System.out.println("without caches of classes: " + e);
      return;
    }
    try (FileChannel lock =
        FileChannel.open(
            FOLDER.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      FileLock unused = lock.lock();
      if (!Files.exists(madeFor) || !Files.readString(madeFor).equals(RUN)) {
        make(ofDaemon, ofClient);
        Files.writeString(madeFor, RUN);
      }
    } catch (IOException e) {
      System.out.println("without caches of classes: " + e);
    } finally {
      daemon = use(ofDaemon);
      client = use(ofClient);
    }
  }

  private static void make(Path ofDaemon, Path ofClient) throws IOException {
    try {
      Files.deleteIfExists(ofDaemon);
      Files.deleteIfExists(ofClient);
      daemon = List.of("-XX:AOTCacheOutput=" + ofDaemon);
      client = List.of("-XX:AOTCacheOutput=" + ofClient);
      try (Daemon server = Daemon.start("--listen", "127.0.0.1:0", "--insecure")) {
        rehearse(server.port());
        server.process().destroy();
        // Its last act is to make the cache.
        server.process().waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void rehearse(int port) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(ClientProcess.command("rehearse", "-H", "127.0.0.1:" + port))
            .redirectInput(Path.of("/dev/null").toFile())
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
      process.destroyForcibly();
    }
  }

  private static List<String> use(Path cache) {
    return Files.isReadable(cache) ? List.of("-XX:AOTCache=" + cache) : List.of();
  }
}
