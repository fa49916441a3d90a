package dev.runnel;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.JobState;
import dev.runnel.server.Authentication;
import dev.runnel.server.TestNode;
import dev.runnel.server.Until;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** One client, a process as users have it, with very many servers at once. */
@NullMarked
@Tag("slow")
@Tag("either")
@Timeout(300)
@SuppressWarnings("NullAway.Init") // Set before each.
class FanOutCrowdTest {
  private static final long MAX_CLIENT_KIB = 300L << 10;

  @TempDir private Path folder;

  @Test
  void twoHundredAtOnceNeedLittleMemory() throws Exception {
    runsAtOnce(200);
  }

  @Test
  @Tag("long")
  void aThousandAtOnceNeedLittleMemory() throws Exception {
    runsAtOnce(1_000);
  }

  @Test
  void aCommandForOneServerLoadsNothingOfIt() throws Exception {
    Path classes = folder.resolve("classes");
    try (TestNode server = new TestNode()) {
      Process client =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin/java").toString(),
                  "-Xlog:class+load:file=" + classes,
                  "-cp",
                  "target/classes:target/lib/*",
                  "dev.runnel.Main",
                  "exec",
                  "-H",
                  "127.0.0.1:" + server.port(),
                  "--",
                  "true")
              .redirectErrorStream(true)
              .redirectOutput(folder.resolve("out").toFile())
              .redirectInput(Path.of("/dev/null").toFile())
              .start();
      assertTrue(client.waitFor(60, TimeUnit.SECONDS));
      assertEquals(0, client.exitValue(), () -> read("out"));
    }
    String loaded = Files.readString(classes);
    assertTrue(loaded.contains("dev.runnel.cli.ExecVerb "), "no list of classes");
    for (String room :
        List.of("dev.runnel.fanout.", "dev.runnel.client.", "io.vertx.", "io.netty.")) {
      assertFalse(loaded.contains(" " + room), room);
    }
  }

  private void runsAtOnce(int count) throws Exception {
    Path go = folder.resolve("go");
    Path report = folder.resolve("report");
    StringBuilder hosts = new StringBuilder();
    try (TestNode server = new TestNode()) {
      for (int i = 0; i < count; i++) {
        int port = server.listen(new Authentication.Open("anonymous"));
        hosts.append("127.0.0.1:").append(port).append('\n');
      }
      Path list = Files.writeString(folder.resolve("hosts"), hosts);
      ProcessBuilder builder =
          Launcher.ofCheckout(Path.of("").toAbsolutePath())
              .call(
                  "exec",
                  "--hosts-file",
                  "" + list,
                  "--parallel",
                  "" + count,
                  "--connect-timeout",
                  "2m",
                  "--report",
                  "" + report,
                  "-c",
                  "read go <'" + go + "'; head -c 20000 /dev/zero | tr '\\0' x; echo; echo end");
      Process fifo = new ProcessBuilder("mkfifo", "" + go).start();
      assertEquals(0, fifo.waitFor());
      Process client =
          builder
              .redirectOutput(folder.resolve("out").toFile())
              .redirectError(folder.resolve("err").toFile())
              .start();
      try {
        Until.holds(
            "all run at once",
            () -> server.registry().census().getOrDefault(JobState.RUNNING, 0) == count);
        // All of them read it until its writer closes.
        try (var writer = Files.newOutputStream(go)) {
          writer.write("\n".repeat(2 * count).getBytes(UTF_8));
          Until.holds("all go on", () -> Files.size(folder.resolve("out")) > 0);
        }
        long peak = 0;
        while (!client.waitFor(5, TimeUnit.MILLISECONDS)) {
          peak = Math.max(peak, peakKib(client.pid()));
        }
        assertEquals(0, client.exitValue(), () -> read("err"));
        assertTrue(peak > 0 && peak < MAX_CLIENT_KIB, "peak: " + peak + " KiB");
        System.out.println("fan-out of " + count + ": client's peak " + (peak >> 10) + " MiB");
      } finally {
        client.destroyForcibly();
      }
    }
    assertEquals(count, Files.readAllLines(report).size());
    List<String> lines = Files.readAllLines(folder.resolve("out"));
    assertEquals(count, lines.stream().filter(line -> line.endsWith(": end")).count());
    long bytes =
        lines.stream()
            .filter(line -> !line.endsWith(": end"))
            .mapToLong(line -> line.chars().filter(c -> c == 'x').count())
            .sum();
    assertEquals(20_000L * count, bytes);
  }

  private String read(String name) {
    try {
      return Files.readString(folder.resolve(name));
    } catch (java.io.IOException e) {
      return "" + e;
    }
  }

  private static long peakKib(long pid) {
    try {
      for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/status"))) {
        if (line.startsWith("VmHWM:")) {
          return Long.parseLong(line.replaceAll("\\D", ""));
        }
      }
    } catch (java.io.IOException _) {
      // It has just ended.
    }
    return 0;
  }
}
