package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.runnel.ControlGroup;
import dev.runnel.Daemon;
import dev.runnel.Tool;
import dev.runnel.server.RawClient.Ran;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Commands that no signal of the daemon's ends: here one that became another user, below a daemon
 * that may not signal others', as with sudo. It is the same for one that waits for a disk that does
 * not answer.
 */
@Tag("root")
@Tag("slow")
class BeyondSignalsTest {
  private static final List<String> WITHOUT_KILL = List.of("setpriv", "--bounding-set=-kill");
  private static final String SLEEPER =
      "'argv':['setpriv','--reuid=65534','--regid=65534','--clear-groups','sleep','1000']";

  @BeforeEach
  void needsRoot() throws IOException {
    // To become another user.
    Tool.requireRoot("BeyondSignalsTest");
  }

  private static Daemon start() throws IOException {
    return Daemon.startWithin(
        WITHOUT_KILL, "--listen", "127.0.0.1:0", "--insecure", "--shutdown-grace", "100ms");
  }

  private static int started(RawClient client, String more) throws Exception {
    client.send("'id':'r','job':'r','grace_ms':100," + SLEEPER + more);
    int pid = client.nextOfType("started").header().path("pid").asInt();
    Until.holds(
        "another user",
        () -> Files.readString(Path.of("/proc/" + pid + "/status")).contains("Uid:\t65534\t65534"));
    return pid;
  }

  private static void checkEnd(Ran ran, String outcome, int pid) {
    JsonNode end = ran.end();
    assertEquals(outcome, ran.outcome(), end::toString);
    assertTrue(end.path("exit_code").isMissingNode(), end::toString);
    assertTrue(end.path("signal").isMissingNode(), end::toString);
    JsonNode first = end.path("leftovers").path(0);
    assertEquals(pid, first.path("pid").asInt(), end::toString);
    assertFalse(first.path("ended").asBoolean(true), end::toString);
  }

  private static void kill(int pid) throws Exception {
    assertTrue(ProcessHandle.of(pid).orElseThrow().destroyForcibly());
    // Its parent, the daemon, reaps it though its job is over.
    Until.gone(pid);
  }

  @Test
  void endTheirJobByItsTimeoutAndAreReapedWhenTheyEndLater() throws Exception {
    try (Daemon daemon = start();
        RawClient client = new RawClient(daemon.port())) {
      int pid = started(client, ",'timeout_ms':5000");
      checkEnd(client.finish("r"), "timed_out", pid);
      kill(pid);
      client.send("'id':'next'", "echo on");
      assertEquals("on\n", client.finish("next").out());
    }
  }

  @Test
  void endTheirJobByACancel() throws Exception {
    try (Daemon daemon = start();
        RawClient client = new RawClient(daemon.port())) {
      int pid = started(client, "");
      client.send("'type':'cancel','id':'c','job':'r'");
      checkEnd(client.finish("r"), "canceled", pid);
      kill(pid);
    }
  }

  @Test
  void endTheirJobByADisconnect() throws Exception {
    try (Daemon daemon = start();
        RawClient watcher = new RawClient(daemon.port())) {
      int pid;
      try (RawClient runner = new RawClient(watcher.socket().getPort())) {
        pid = started(runner, "");
      }
      watcher.send("'type':'attach','id':'r','job':'r'");
      checkEnd(watcher.finish("r"), "abandoned", pid);
      kill(pid);
    }
  }

  // It may be thawed at any moment, and then ends as it should: that is waited for a while.
  @Test
  void endTheirJobWhileTheyAreFrozenAndAreReapedWhenTheyThaw() throws Exception {
    String test = "BeyondSignalsTest.endTheirJobWhileTheyAreFrozenAndAreReapedWhenTheyThaw";
    try (ControlGroup group = ControlGroup.ofFreezer(test);
        Daemon daemon = Daemon.start("--listen", "127.0.0.1:0", "--insecure");
        RawClient client = new RawClient(daemon.port())) {
      client.send("'id':'r','job':'r','grace_ms':100", group.enter() + "; exec sleep 1000");
      int pid = client.nextOfType("started").header().path("pid").asInt();
      Until.holds("asleep", () -> text(pid, "comm").equals("sleep\n"));
      group.freeze();
      try {
        client.send("'type':'cancel','id':'c','job':'r'");
        client.send("'id':'next'", "echo on");
        assertEquals("on\n", client.finish("next").out());
        checkEnd(client.finish("r"), "canceled", pid);
      } finally {
        group.thaw();
      }
      Until.holds("reaped", () -> text(pid, "stat").isEmpty());
    }
  }

  private static String text(int pid, String file) {
    try {
      return Files.readString(Path.of("/proc/" + pid + "/" + file));
    } catch (IOException gone) {
      return "";
    }
  }

  @Test
  void doNotKeepTheDaemonFromTellingItsFollowersAndEnding() throws Exception {
    try (Daemon daemon = start();
        RawClient client = new RawClient(daemon.port())) {
      int pid = started(client, "");
      daemon.process().destroy();
      checkEnd(client.finish("r"), "shutdown", pid);
      Until.holds("the daemon's end", () -> !daemon.process().isAlive());
      assertEquals(0, daemon.exitCode());
      ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
    }
  }
}
