package dev.runnel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.server.Until;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Agents in a daemon's JVM write down what they have gathered, however the daemon ends. */
@Tag("slow")
class AgentsOfDaemonTest {
  @TempDir Path folder = Path.of("");

  /** An agent whose hook says that it was called, and never ends. */
  public static final class Hanging {
    private Hanging() {}

    /** Called by the JVM. */
    public static void premain(String file) {
      Runtime.getRuntime().addShutdownHook(new Thread(() -> hang(Path.of(file))));
    }

    private static void hang(Path file) {
      try {
        Files.createFile(file);
        new java.util.concurrent.CountDownLatch(1).await();
      } catch (java.io.IOException | InterruptedException _) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private Daemon start(String... arguments) throws Exception {
    return Daemon.start(
        List.of("-Xmx128m", "-XX:StartFlightRecording:filename=" + folder.resolve("x.jfr")),
        arguments);
  }

  private void assertRecorded() throws Exception {
    assertFalse(RecordingFile.readAllEvents(folder.resolve("x.jfr")).isEmpty());
  }

  private static void terminate(Daemon daemon) {
    assertTrue(daemon.process().toHandle().destroy());
  }

  @Test
  void writeAfterARequestToEnd() throws Exception {
    String socket = "unix:" + folder.resolve("s");
    try (Daemon daemon = start("--listen", socket)) {
      assertEquals("listening on " + socket, daemon.line());
      terminate(daemon);
      assertEquals(0, daemon.exitCode(), daemon.log());
    }
    assertRecorded();
  }

  @Test
  void writeAfterRequestsThatHurried() throws Exception {
    String socket = "unix:" + folder.resolve("s");
    try (Daemon daemon = start("--listen", socket)) {
      assertEquals("listening on " + socket, daemon.line());
      Process client =
          new ProcessBuilder(
                  ClientProcess.command(
                      "exec", "-H", socket, "--", "sh", "-c", "trap '' TERM; echo; sleep 100"))
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      assertEquals('\n', client.getInputStream().read());
      for (String said : List.of("draining ", "drained cause=asked", "killing the rest")) {
        terminate(daemon);
        Until.holds(said, () -> daemon.log().contains(said));
      }
      assertEquals(0, daemon.exitCode(), daemon.log());
      client.destroyForcibly().onExit().join();
    }
    assertRecorded();
  }

  @Test
  void writeAfterAStartThatFailed() throws Exception {
    try (Daemon daemon = start("--tokens", "/nonexistent")) {
      assertEquals(1, daemon.exitCode(), daemon.log());
    }
    assertRecorded();
  }

  @Test
  void areNotWaitedForForEver() throws Exception {
    Manifest manifest = new Manifest();
    manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
    manifest.getMainAttributes().putValue("Premain-Class", Hanging.class.getName());
    Path jar = folder.resolve("agent.jar");
    String entry = Hanging.class.getName().replace('.', '/') + ".class";
    try (OutputStream file = Files.newOutputStream(jar);
        JarOutputStream out = new JarOutputStream(file, manifest)) {
      out.putNextEntry(new JarEntry(entry));
      out.write(Hanging.class.getClassLoader().getResourceAsStream(entry).readAllBytes());
      out.closeEntry();
    }
    Path called = folder.resolve("called");
    String socket = "unix:" + folder.resolve("s");
    try (Daemon daemon =
        Daemon.start(List.of("-Xmx128m", "-javaagent:" + jar + "=" + called), "--listen", socket)) {
      assertEquals("listening on " + socket, daemon.line());
      terminate(daemon);
      assertEquals(0, daemon.exitCode(), daemon.log());
    }
    assertTrue(Files.exists(called));
  }
}
