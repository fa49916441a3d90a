package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.runnel.Daemon;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What a daemon logs, and how. */
@Tag("slow")
class LogTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";

  private static void changeLevel(Daemon daemon, String now) throws Exception {
    int before = changes(daemon);
    List<String> kill = List.of("kill", "-USR1", "" + daemon.process().pid());
    assertEquals(0, new ProcessBuilder(kill).start().waitFor());
    Until.holds("another level", () -> changes(daemon) > before);
    assertTrue(daemon.log().lines().anyMatch(line -> line.contains("log level=" + now)));
  }

  private static int changes(Daemon daemon) throws Exception {
    return (int) daemon.log().lines().filter(line -> line.contains("log level=")).count();
  }

  private static void run(RawClient client, String job) throws Exception {
    String trace = ",'trace':'00-" + TRACE + "-00f067aa0ba902b7-01'";
    client.send("'id':'r','job':'" + job + "'" + trace, "true");
    assertEquals("exited", client.finish("r").outcome());
  }

  @Test
  void linesAreObjectsIfAskedForAndTheirLevelChangesBySignal() throws Exception {
    try (Daemon daemon =
            Daemon.start("--listen", "127.0.0.1:0", "--insecure", "--log-format", "json");
        RawClient client = new RawClient(daemon.port())) {
      run(client, "before");
      changeLevel(daemon, "DEBUG");
      run(client, "noted");
      changeLevel(daemon, "INFO");
      run(client, "after");
      List<JsonNode> ours = new ArrayList<>();
      for (String line : daemon.log().lines().toList()) {
        JsonNode read = JSON.readTree(line);
        assertTrue(read.has("level") && read.has("formattedMessage"), line);
        if (read.path("formattedMessage").asText().startsWith("job registered")) {
          ours.add(read.path("kvpList"));
        }
      }
      assertEquals(1, ours.size(), daemon.log());
      assertEquals(
          "[{\"job\":\"noted\"},{\"principal\":\"anonymous\"},{\"trace\":\"" + TRACE + "\"}]",
          ours.getFirst().toString());
    }
  }

  @Test
  void lineOfTextNamesTheJobLast() throws Exception {
    try (Daemon daemon =
            Daemon.start("--listen", "127.0.0.1:0", "--insecure", "--log-level", "debug");
        RawClient client = new RawClient(daemon.port())) {
      run(client, "noted");
      String line =
          daemon.log().lines().filter(it -> it.contains("job registered")).findFirst().get();
      assertTrue(
          line.matches(
              "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}(Z|[+-]\\d\\d:\\d\\d) DEBUG RequestHandler"
                  + " - job registered peer=127\\.0\\.0\\.1:\\d+ job=noted principal=anonymous trace="
                  + TRACE),
          line);
    }
  }
}
