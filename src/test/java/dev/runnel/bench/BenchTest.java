package dev.runnel.bench;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.runnel.Daemon;
import dev.runnel.cli.BenchOrder;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** That {@code bench} measures and tells; what it measures depends on the machine. */
@Tag("either")
@Tag("slow")
class BenchTest {
  private static final List<String> NAMES =
      List.of(
          "command_p50",
          "command_p99",
          "commands_per_second_16",
          "stream_1",
          "stream_4",
          "lines",
          "followers_1",
          "followers_1_memory",
          "followers_10",
          "followers_10_memory",
          "followers_100",
          "followers_100_memory",
          "line_p50",
          "line_p99",
          "client_start");

  @Test
  void measuresAServerOfItsOwnAndPrintsOneJsonObject() throws Exception {
    Process bench = bench("--quick", "--json");
    JsonNode report = new ObjectMapper().readTree(bench.getInputStream().readAllBytes());
    assertTrue(bench.waitFor(30, TimeUnit.SECONDS), "bench still runs");
    assertEquals(0, bench.exitValue());
    assertEquals(NAMES, report.path("results").findValuesAsText("name"));
    for (JsonNode result : report.path("results")) {
      assertTrue(result.path("runnel").asDouble() > 0, result.toString());
      boolean hasFloor = !result.path("name").asText().endsWith("_memory");
      assertEquals(hasFloor, result.path("ratio").asDouble() > 0, result.toString());
      assertEquals(hasFloor, result.path("floor").asDouble() > 0, result.toString());
    }
  }

  @Test
  void refusesWhatItIsNotAskedRightly() throws Exception {
    Process bench = bench("--fast");
    assertEquals("", new String(bench.getInputStream().readAllBytes(), UTF_8));
    assertTrue(bench.waitFor(30, TimeUnit.SECONDS), "bench still runs");
    assertEquals(2, bench.exitValue());
  }

  @Test
  void saysWhomItCannotReach() throws Exception {
    Process bench = bench(ProcessBuilder.Redirect.PIPE, "-H", "127.0.0.1:1");
    String said = new String(bench.getErrorStream().readAllBytes(), UTF_8);
    assertTrue(said.contains("runnel: bench: cannot reach 127.0.0.1:1: "), said);
    assertTrue(bench.waitFor(30, TimeUnit.SECONDS), "bench still runs");
    assertEquals(255, bench.exitValue());
  }

  @Test
  void saysThatTheFloorIsNotTheServersMachine() throws Exception {
    try (Daemon daemon = Daemon.start("--listen", "127.0.0.1:0", "--insecure")) {
      String host = "127.0.0.1:" + daemon.port();
      String table = table(host, new CommandLatency());
      assertTrue(table.startsWith("  ratio"), table);
      assertTrue(table.contains("one command, sh -c true, p50"), table);
      assertTrue(table.contains("server: " + host), table);
      assertTrue(table.contains("If the server is elsewhere"), table);
    }
  }

  @Test
  void followersOfAServerThatIsNotOursHaveARateOnly() throws Exception {
    try (Daemon daemon = Daemon.start("--listen", "127.0.0.1:0", "--insecure")) {
      String table = table("127.0.0.1:" + daemon.port(), new Followers(3));
      assertTrue(table.contains("MB/s  one command's output to 3 followers"), table);
      assertFalse(table.contains("memory"), table);
    }
  }

  private static String table(String host, Measurement measurement) throws IOException {
    int port = Integer.parseInt(host.substring(host.indexOf(':') + 1));
    BenchOrder order =
        new BenchOrder(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), port),
            host,
            null,
            BenchOrder.Effort.QUICK,
            BenchOrder.Format.TABLE);
    PrintStream nowhere = new PrintStream(new ByteArrayOutputStream(), true, UTF_8);
    return Bench.run(order, List.of(measurement), nowhere);
  }

  private static Process bench(String... arguments) throws IOException {
    return bench(ProcessBuilder.Redirect.DISCARD, arguments);
  }

  private static Process bench(ProcessBuilder.Redirect stderr, String... arguments)
      throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                "dev.runnel.Main",
                "bench"));
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command).redirectError(stderr).start();
  }
}
