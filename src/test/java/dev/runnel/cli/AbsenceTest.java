package dev.runnel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.ClientProcess;
import dev.runnel.CuttingProxy;
import dev.runnel.Daemon;
import dev.runnel.server.Until;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * What becomes of a job while its client is stopped, gone, or not there yet: with a real daemon.
 */
@NullMarked
@Tag("slow")
class AbsenceTest {
  private static final long PATIENCE_SECONDS = 30;

  /** The command line in a process of its own. */
  private static Process start(String... words) throws IOException {
    return new ProcessBuilder(ClientProcess.command(words)).start();
  }

  private static Process exec(int port, String... words) throws IOException {
    List<String> all = new ArrayList<>(List.of("exec", "-H", "127.0.0.1:" + port, "--job", "j"));
    all.addAll(List.of(words));
    return start(all.toArray(String[]::new));
  }

  private static Daemon daemon(int port) throws IOException {
    return Daemon.start("--listen", "127.0.0.1:" + port, "--insecure");
  }

  /** What a verb prints here. */
  private static String verb(int port, int code, String... words) {
    List<String> all = new ArrayList<>(List.of(words));
    all.addAll(1, List.of("-H", "127.0.0.1:" + port));
    Client client = new Client();
    assertEquals(code, client.run(all.toArray(String[]::new)), client.err());
    return client.out();
  }

  private static void awaitStatus(int port, Predicate<String> wanted) throws Exception {
    Until.holds("that state", () -> wanted.test(verb(port, 0, "status", "--json", "j")));
  }

  private static void kill(Process process, String signal) throws Exception {
    Process kill = new ProcessBuilder("sh", "-c", "kill -" + signal + " " + process.pid()).start();
    assertEquals(0, kill.waitFor());
  }

  private static void send(Process process, String text) throws IOException {
    OutputStream stdin = process.getOutputStream();
    stdin.write(text.getBytes(StandardCharsets.UTF_8));
    stdin.flush();
  }

  private static int exitCode(Process process) throws Exception {
    assertTrue(process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS), "still runs");
    return process.exitValue();
  }

  private static String stderr(Process process) throws IOException {
    return new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
  }

  // As a laptop that slept, in a network that forgot it.
  @Test
  void aStoppedClientFindsItsJobAgain() throws Exception {
    try (Daemon daemon = daemon(0)) {
      int port = daemon.port();
      try (CuttingProxy proxy = new CuttingProxy(port, 1, List.of(), 1)) {
        Process client = exec(proxy.port(), "--heartbeat", "1s", "cat");
        BufferedReader out = client.inputReader();
        send(client, "before\n");
        assertEquals("before", out.readLine());
        kill(client, "STOP");
        send(client, "meanwhile\n");
        proxy.cutAll();
        awaitStatus(port, status -> status.contains("\"followers\":0"));
        kill(client, "CONT");
        assertEquals("meanwhile", out.readLine());
        client.getOutputStream().close();
        assertEquals(0, exitCode(client), stderr(client));
        // On a busy machine the heart may miss a beat.
        assertTrue(proxy.connections() >= 2, () -> "connections: " + proxy.connections());
      }
    }
  }

  // Ctrl-Z: it does not even take three heartbeats, and no linger is used up.
  @Test
  void aClientLeavesItsJobBeforeItStops() throws Exception {
    try (Daemon daemon = daemon(0)) {
      int port = daemon.port();
      Process client = exec(port, "--linger", "1s", "cat");
      BufferedReader out = client.inputReader();
      send(client, "before\n");
      assertEquals("before", out.readLine());
      for (int i = 0; i < 2; i++) {
        kill(client, "TSTP");
        awaitStatus(port, status -> status.contains("\"followers\":0"));
        awaitStopped(client);
        assertTrue(verb(port, 0, "status", "j").contains("running"));
        send(client, "after " + i + "\n");
        kill(client, "CONT");
        assertEquals("after " + i, out.readLine());
      }
      client.getOutputStream().close();
      assertEquals(0, exitCode(client), stderr(client));
    }
  }

  // By what can't be caught: to the server it is gone, and finds its job again nevertheless.
  @Test
  void aClientThatWasStoppedForLongFindsItsJobAgain() throws Exception {
    try (Daemon daemon = daemon(0)) {
      int port = daemon.port();
      Process client = exec(port, "--heartbeat", "1s", "cat");
      BufferedReader out = client.inputReader();
      send(client, "before\n");
      assertEquals("before", out.readLine());
      kill(client, "STOP");
      send(client, "meanwhile\n");
      awaitStatus(port, status -> status.contains("\"followers\":0"));
      assertTrue(verb(port, 0, "status", "j").contains("running"));
      kill(client, "CONT");
      assertEquals("meanwhile", out.readLine());
      client.getOutputStream().close();
      assertEquals(0, exitCode(client), stderr(client));
    }
  }

  // As by a pager that nobody scrolls: three heartbeats pass, and it is still the same connection.
  @Test
  void aClientWhoseOutputIsBlockedKeepsItsJob() throws Exception {
    try (Daemon daemon = daemon(0)) {
      int port = daemon.port();
      try (CuttingProxy proxy = new CuttingProxy(port, 1, List.of(), 1)) {
        Process client = exec(proxy.port(), "--heartbeat", "1s", "seq", "1", "1000000");
        BufferedReader out = client.inputReader();
        assertEquals("1", out.readLine());
        assertEquals(0, new Client().run("exec", "-H", "127.0.0.1:" + port, "sleep", "4.5"));
        assertTrue(verb(port, 0, "status", "--json", "j").contains("\"followers\":1"));
        for (int line = 2; line <= 1_000_000; line++) {
          assertEquals("" + line, out.readLine());
        }
        assertEquals(0, exitCode(client), stderr(client));
        assertEquals(1, proxy.connections());
      }
    }
  }

  @Test
  void aJobWithASmallLogIsFollowed() throws Exception {
    try (Daemon daemon = daemon(0)) {
      int port = daemon.port();
      String line = "seq 1 10000; exit 3";
      verb(port, 0, "run", "--job", "s", "--retain", "4096", "--on-full", "block", "-c", line);
      String all = verb(port, 3, "attach", "s");
      assertTrue(all.startsWith("1\n2\n3\n") && all.endsWith("\n9999\n10000\n"), all);
      assertEquals(48_894, all.length());
      assertEquals("", verb(port, 3, "wait", "s"));
    }
  }

  private static void awaitStopped(Process process) throws Exception {
    Path stat = Path.of("/proc/" + process.pid() + "/stat");
    Until.holds("the client to be stopped", () -> Files.readString(stat).contains(") T "));
  }

  @Test
  void aJobIsLostWithItsServerAndNotRunAgain() throws Exception {
    Process client;
    int port;
    try (Daemon daemon = daemon(0)) {
      port = daemon.port();
      client = exec(port, "sh", "-c", "echo here; exec sleep 100");
      assertEquals("here", client.inputReader().readLine());
    }
    try (Daemon another = daemon(port)) {
      assertEquals(port, another.port());
      assertEquals(255, exitCode(client));
      String err = stderr(client);
      assertTrue(err.endsWith("was started anew; what became of the job is not known\n"), err);
      assertFalse(verb(port, 0, "jobs").contains("sleep"));
    }
  }

  @Test
  void aKilledClientsJobIsAbandonedAfterItsLinger() throws Exception {
    try (Daemon daemon = daemon(0)) {
      int port = daemon.port();
      Process client = exec(port, "--linger", "200ms", "sh", "-c", "echo here; exec sleep 100");
      assertEquals("here", client.inputReader().readLine());
      kill(client, "KILL");
      awaitStatus(port, status -> status.contains("\"outcome\":\"abandoned\""));
    }
  }

  @Test
  void aClientThatIsToldToEndCancelsItsJob() throws Exception {
    try (Daemon daemon = daemon(0)) {
      int port = daemon.port();
      Process client = exec(port, "sh", "-c", "echo here; exec sleep 100");
      assertEquals("here", client.inputReader().readLine());
      kill(client, "TERM");
      assertEquals(143, exitCode(client));
      awaitStatus(port, status -> status.contains("\"outcome\":\"canceled\""));
    }
  }

  @Test
  void aClientWhoseReaderLeftCancelsItsJob() throws Exception {
    try (Daemon daemon = daemon(0)) {
      int port = daemon.port();
      Process client = exec(port, "yes");
      assertEquals("y", client.inputReader().readLine());
      client.getInputStream().close();
      assertEquals(141, exitCode(client));
      awaitStatus(port, status -> status.contains("\"outcome\":\"canceled\""));
    }
  }

  @Test
  void aQuietCommandKeepsItsConnection() throws Exception {
    try (Daemon daemon = daemon(0);
        CuttingProxy proxy = new CuttingProxy(daemon.port(), 1, List.of(), 1)) {
      Client client = new Client();
      String host = "127.0.0.1:" + proxy.port();
      int code = client.run("exec", "-H", host, "--heartbeat", "1s", "-c", "sleep 4; echo up");
      assertEquals(0, code, client.err());
      assertEquals("up\n", client.out());
      assertEquals(1, proxy.connections());
    }
  }

  @Test
  void whoseSeatIsTakenLeavesTheJobAlone() throws Exception {
    try (Daemon daemon = daemon(0)) {
      int port = daemon.port();
      Process first = exec(port, "sh", "-c", "echo here; read line; echo $line; exit 4");
      assertEquals("here", first.inputReader().readLine());
      Process second = start("attach", "-H", "127.0.0.1:" + port, "--stdin", "j");
      assertEquals("here", second.inputReader().readLine());
      assertEquals(255, exitCode(first));
      assertTrue(stderr(first).contains("another client took the job over"));
      send(second, "go\n");
      assertEquals("go", second.inputReader().readLine());
      assertEquals(4, exitCode(second), stderr(second));
    }
  }

  @Test
  void aJobGoesOnWithoutAClient() throws Exception {
    try (Daemon daemon = daemon(0)) {
      int port = daemon.port();
      String line = "echo one; sleep 0.3; echo two >&2; exit 5";
      assertEquals("nightly\n", verb(port, 0, "run", "--job", "nightly", "-c", line));
      assertEquals("", verb(port, 5, "wait", "night"));
      assertEquals("one\n", verb(port, 0, "logs", "nightly"));
      assertEquals("one\n", verb(port, 0, "logs", "-f", "n"));
      assertEquals("one\n", verb(port, 5, "attach", "nightly"));
      assertEquals("", verb(port, 0, "logs", "--since-offset", "4", "nightly"));
      assertTrue(verb(port, 0, "status", "nightly").contains("exit       5\n"));
    }
  }

  @Test
  void runPrintsTheNameOfNothingThatCannotStart() throws Exception {
    try (Daemon daemon = daemon(0)) {
      assertEquals("", verb(daemon.port(), 127, "run", "/no/such/file"));
    }
  }
}
