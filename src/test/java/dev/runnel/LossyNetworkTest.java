package dev.runnel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A client and a server in a network of their own that drops packets at random, and from time to
 * time all of them, for longer than either side waits.
 */
@Tag("long")
@Tag("root")
class LossyNetworkTest {
  private static final int PORT = 7866;
  private static final int BYTES = 24 << 20;
  private static final int BLACKOUTS = 4;
  private static final String NETWORK = "runnel-" + ProcessHandle.current().pid();

  @Test
  void aTransferSurvivesIt(@TempDir Path folder) throws Exception {
    String test = "LossyNetworkTest.aTransferSurvivesIt";
    Tool.requireRoot(test);
    Tool.require("ip", test);
    Tool.require("iptables", test);
    byte[] bytes = new byte[BYTES];
    new Random(5).nextBytes(bytes);
    Path in = Files.write(folder.resolve("in"), bytes);
    Path out = folder.resolve("out");
    Path err = folder.resolve("err");
    run("ip", "netns", "add", NETWORK);
    try {
      inside("ip", "link", "set", "lo", "up");
      inside(rule("-A", "-m", "statistic", "--mode", "random", "--probability", "0.02"));
      Process server = runnel("serve", "--insecure", "--listen", "127.0.0.1:" + PORT).start();
      try {
        Process client =
            runnel(
                    "exec",
                    "-H",
                    "127.0.0.1:" + PORT,
                    "--wait",
                    "30s",
                    "--heartbeat",
                    "1s",
                    "-c",
                    "cat; exit 7")
                .redirectInput(in.toFile())
                .redirectOutput(out.toFile())
                .redirectError(err.toFile())
                .start();
        blackOut(client);
        assertTrue(client.waitFor(5, TimeUnit.MINUTES), "still runs");
        assertEquals(7, client.exitValue());
      } finally {
        server.destroyForcibly().waitFor();
      }
    } finally {
      run("ip", "netns", "del", NETWORK);
    }
    assertArrayEquals(bytes, Files.readAllBytes(out));
    String notes = Files.readString(err);
    assertTrue(notes.contains("connected to 127.0.0.1:" + PORT + " again"), notes);
  }

  /** Nothing passes for so long that both sides give the connection up; then some time it does. */
  private static void blackOut(Process client) throws Exception {
    for (int i = 0; i < BLACKOUTS && client.isAlive(); i++) {
      var _ = client.waitFor(1, TimeUnit.SECONDS);
      inside(rule("-I"));
      var _ = client.waitFor(4 + i, TimeUnit.SECONDS);
      inside(rule("-D"));
      var _ = client.waitFor(2, TimeUnit.SECONDS);
    }
  }

  private static String[] rule(String action, String... matches) {
    List<String> words = new ArrayList<>(List.of("iptables", action, "INPUT", "-p", "tcp"));
    words.addAll(List.of(matches));
    words.addAll(List.of("-j", "DROP"));
    return words.toArray(String[]::new);
  }

  private static ProcessBuilder runnel(String... words) {
    List<String> command =
        new ArrayList<>(
            List.of(
                "ip",
                "netns",
                "exec",
                NETWORK,
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-XX:+UseSerialGC",
                "-XX:-MaxFDLimit",
                "-cp",
                System.getProperty("java.class.path"),
                "dev.runnel.Main"));
    command.addAll(List.of(words));
    return new ProcessBuilder(command)
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .redirectError(ProcessBuilder.Redirect.DISCARD);
  }

  private static void inside(String... words) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("ip", "netns", "exec", NETWORK));
    command.addAll(List.of(words));
    run(command.toArray(String[]::new));
  }

  private static void run(String... command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).inheritIO().start();
    assertEquals(0, process.waitFor(), String.join(" ", command));
  }
}
