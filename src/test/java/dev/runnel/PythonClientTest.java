package dev.runnel;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The Python client's own tests, against one real runneld and against servers that lie. */
@SuppressWarnings("NullAway.Init") // Set before all tests.
@Tag("either")
@Tag("slow")
class PythonClientTest {
  private static final Path CLIENT = Path.of("clients", "python").toAbsolutePath();

  private static Daemon daemon;

  @BeforeAll
  static void startDaemon() throws Exception {
    Tool.require("python3", "PythonClientTest");
    daemon = Daemon.start("--listen", "127.0.0.1:0", "--insecure");
    assertTrue(daemon.port() > 0);
  }

  @AfterAll
  static void stopDaemon() throws Exception {
    if (daemon != null) {
      daemon.close();
    }
  }

  @Test
  void asyncioClientPassesItsTests() throws Exception {
    test("test_client");
  }

  @Test
  void clientWithoutAsyncPassesItsTests() throws Exception {
    test("test_sync");
  }

  @Test
  void examplesRunAsShown() throws Exception {
    test("test_examples");
  }

  @Test
  void reportsEveryLieOfTheConformanceData() throws Exception {
    test("test_conformance");
  }

  @Tag("long")
  @Test
  void losesNothingOverTwoHundredCutsAndACutAtEachByte() throws Exception {
    test(Map.of("RUNNEL_CUTS", "200"), "test_client.LostConnectionTest", "test_conformance");
  }

  private static void test(String... names) throws Exception {
    test(Map.of(), names);
  }

  private static void test(Map<String, String> variables, String... names) throws Exception {
    List<String> command = new ArrayList<>(List.of("python3", "-B", "-m", "unittest"));
    command.addAll(List.of(names));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.directory(CLIENT.resolve("tests").toFile()).redirectErrorStream(true);
    builder.environment().keySet().removeIf(name -> name.startsWith("RUNNEL_"));
    builder.environment().put("PYTHONPATH", CLIENT.resolve("src").toString());
    builder.environment().put("RUNNEL_TEST_HOST", "127.0.0.1:" + daemon.port());
    builder.environment().putAll(variables);
    Process python = builder.start();
    python.getOutputStream().close();
    String output = new String(python.getInputStream().readAllBytes(), UTF_8);
    assertEquals(0, python.waitFor(), output);
  }
}
