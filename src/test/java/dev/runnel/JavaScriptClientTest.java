package dev.runnel;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.OutputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The JavaScript client's own tests, against one real runneld and against servers that lie. */
@SuppressWarnings("NullAway.Init") // Set before all tests.
@Timeout(300)
@Tag("either")
@Tag("slow")
class JavaScriptClientTest {
  private static final Path CLIENT = Path.of("clients", "js").toAbsolutePath();

  private static Daemon daemon;
  private static int webSockets;

  @BeforeAll
  static void startDaemon() throws Exception {
    Tool.require("node", "JavaScriptClientTest");
    daemon = Daemon.start("--listen", "127.0.0.1:0", "--insecure", "--http", "127.0.0.1:0");
    assertTrue(daemon.port() > 0);
    webSockets = daemon.nextPort();
  }

  @AfterAll
  static void stopDaemon() throws Exception {
    if (daemon != null) {
      daemon.close();
    }
  }

  @Test
  void passesItsTestsAgainstARealServer() throws Exception {
    node(Map.of(), "client", "cuts", "sockets", "websocket");
  }

  @Test
  void passesThemOverWebSocketsToo() throws Exception {
    node(Map.of("RUNNEL_TEST_OVER_WEBSOCKETS", "1"), "client", "conformance");
  }

  @Test
  void reportsEveryLie() throws Exception {
    node(Map.of(), "frames", "lies");
  }

  @Test
  void reportsEveryLieOfTheConformanceData() throws Exception {
    node(Map.of(), "conformance");
  }

  @Test
  void examplesDoWhatTheySay() throws Exception {
    assertEquals("ok\n", run(Map.of(), "examples/ci-step.js", "echo", "ok"));
    String host = "127.0.0.1:" + daemon.port();
    assertEquals(host + ": one\n", run(Map.of(), "examples/fan-out.js", "echo one", host));
    assertEquals("exit: 3\nhi\n\n", said("echo hi; exit 3\n", "examples/agent-tool.js"));
  }

  @Tag("long")
  @Test
  @Timeout(1_200)
  void losesNothingOverTwoHundredCutsAndACutAtEachByte() throws Exception {
    node(Map.of("RUNNEL_TEST_CUTS", "200"), "cuts", "conformance");
  }

  private static void node(Map<String, String> variables, String... files) throws Exception {
    List<String> command = new ArrayList<>(List.of("--test"));
    for (String file : files) {
      command.add("test/" + file + ".test.js");
    }
    run(variables, command.toArray(String[]::new));
  }

  private static String run(Map<String, String> variables, String... arguments) throws Exception {
    return run(variables, "", arguments);
  }

  private static String said(String input, String... arguments) throws Exception {
    return run(Map.of(), input, arguments);
  }

  private static String run(Map<String, String> variables, String input, String[] arguments)
      throws Exception {
    List<String> command = new ArrayList<>(List.of("node"));
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.directory(CLIENT.toFile()).redirectErrorStream(true);
    builder.environment().keySet().removeIf(name -> name.startsWith("RUNNEL_"));
    builder.environment().put("RUNNEL_TEST_SERVER", "127.0.0.1:" + daemon.port());
    builder.environment().put("RUNNEL_TEST_WEBSOCKETS", "127.0.0.1:" + webSockets);
    builder.environment().put("RUNNEL_HOST", "127.0.0.1:" + daemon.port());
    builder.environment().putAll(variables);
    Process node = builder.start();
    try (OutputStream stdin = node.getOutputStream()) {
      stdin.write(input.getBytes(UTF_8));
    }
    String output = new String(node.getInputStream().readAllBytes(), UTF_8);
    assertEquals(0, node.waitFor(), output);
    return output;
  }
}
