package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.runnel.ControlGroup;
import dev.runnel.Daemon;
import dev.runnel.Tool;
import dev.runnel.server.RawClient.Ran;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A daemon in a control group that lets nobody make another process. */
@Tag("root")
@Tag("slow")
class NoMoreProcessesTest {
  /** With limits, the child is made by another call than without. */
  private static final List<String> WAYS = List.of("", ",'limits':{'open_files':100}");

  @Test
  void aStartFailsWithItsErrorAndTheNextOneThatCanSucceeds() throws Exception {
    String test = "NoMoreProcessesTest.aStartFailsWithItsErrorAndTheNextOneThatCanSucceeds";
    try (ControlGroup group = ControlGroup.ofProcesses(test)) {
      failWithin(group);
    }
  }

  // The JDK would make a thread for each signal.
  @ParameterizedTest
  @ValueSource(strings = {"TERM", "INT"})
  void aDaemonIsAskedToEnd(String signal) throws Exception {
    String test = "NoMoreProcessesTest.aDaemonIsAskedToEnd";
    try (ControlGroup group = ControlGroup.ofProcesses(test);
        Daemon daemon = startWithin(group)) {
      daemon.port();
      group.letNobodyIn();
      List<String> kill = List.of("kill", "-" + signal, "" + daemon.process().pid());
      assertEquals(0, new ProcessBuilder(kill).start().waitFor());
      assertEquals(0, daemon.exitCode());
    }
  }

  private static Daemon startWithin(ControlGroup group) throws IOException {
    List<String> within = List.of("sh", "-c", group.enter() + " && exec \"$0\" \"$@\"");
    return Daemon.startWithin(
        within, "--listen", "127.0.0.1:0", "--insecure", "--dumpable", "--shutdown-grace", "100ms");
  }

  private static void failWithin(ControlGroup group) throws Exception {
    try (Daemon daemon = startWithin(group);
        RawClient client = new RawClient(daemon.port())) {
      for (String way : WAYS) {
        // Threads that are needed for it are there afterwards.
        assertEquals("exited", run(client, way).outcome());
        List<String> before = descriptors(daemon);
        group.letNobodyIn();
        for (int i = 0; i < 3; i++) {
          Ran failed = run(client, way);
          assertEquals("start_failed", failed.outcome(), failed.end()::toString);
          assertEquals("EAGAIN", failed.end().path("errno").asText(), failed.end()::toString);
          assertEquals("exec", failed.end().path("at").asText(), failed.end()::toString);
        }
        group.letEverybodyIn();
        assertEquals("exited", run(client, way).outcome());
        try {
          Until.holds(
              "descriptors to be closed", () -> descriptors(daemon).size() <= before.size());
        } catch (AssertionError e) {
          throw new AssertionError(descriptors(daemon) + " (before: " + before + ")", e);
        }
      }
    }
  }

  private static Ran run(RawClient client, String more) throws IOException {
    client.send("'id':'r'" + more, "exit 0");
    return client.finish("r");
  }

  /** Each child begins a session and makes more, for ever; there is room for so many. */
  private static final int CROWD = 24;

  private static final String BOMB =
      """
      import os, time
      while True:
          try:
              if os.fork() == 0:
                  os.setsid()
          except OSError:
              time.sleep(0.02)
      """;

  // The first look, and the threads that it takes, come when the group is full.
  @Test
  void aForkBombIsTheFirstThatADaemonHasToLookFor() throws Exception {
    String test = "NoMoreProcessesTest.aForkBombIsTheFirstThatADaemonHasToLookFor";
    Tool.require("python3", test);
    try (ControlGroup group = ControlGroup.ofProcesses(test);
        Daemon daemon = startWithin(group);
        RawClient client = new RawClient(daemon.port());
        RawClient other = new RawClient(client.socket().getPort())) {
      explode(group, client, "");
      assertEquals("ok", other.ask("'type':'cancel','job':'bomb'").type());
      assertEquals("canceled", client.finish("bomb").outcome());
      Until.holds("nobody of its tree", () -> bombs(group).isEmpty());
      for (String way : WAYS) {
        assertEquals("exited", run(client, way).outcome());
      }
      daemon.process().destroy();
      assertEquals(0, daemon.exitCode());
    }
  }

  @Test
  void aForkBombIsEndedByItsTimeout() throws Exception {
    String test = "NoMoreProcessesTest.aForkBombIsEndedByItsTimeout";
    Tool.require("python3", test);
    try (ControlGroup group = ControlGroup.ofProcesses(test);
        Daemon daemon = startWithin(group);
        RawClient client = new RawClient(daemon.port())) {
      explode(group, client, ",'timeout_ms':5000");
      assertEquals("timed_out", client.finish("bomb").outcome());
      Until.holds("nobody of its tree", () -> bombs(group).isEmpty());
      assertEquals("exited", run(client, "").outcome());
    }
  }

  @Test
  void aForkBombDoesNotKeepADaemonThatHasNeverLookedFromEnding() throws Exception {
    String test = "NoMoreProcessesTest.aForkBombDoesNotKeepADaemonThatHasNeverLookedFromEnding";
    Tool.require("python3", test);
    // Closed last, when nobody is in it any more.
    try (ControlGroup group = ControlGroup.ofProcesses(test);
        Daemon daemon = startWithin(group);
        RawClient client = new RawClient(daemon.port())) {
      explode(group, client, "");
      daemon.process().destroy();
      assertEquals("shutdown", client.finish("bomb").outcome());
      assertEquals(0, daemon.exitCode());
      assertEquals(List.of(), bombs(group));
    }
  }

  /** Until nothing more fits into the group. */
  private static void explode(ControlGroup group, RawClient client, String more) throws Exception {
    group.letIn(CROWD);
    String argv = "'argv_body':true,'on_full':'drop','grace_ms':100";
    client.send("'id':'bomb','job':'bomb'," + argv + more, "python3\0-c\0" + BOMB + '\0');
    Until.holds("a crowd", () -> bombs(group).size() > CROWD / 2);
  }

  /** Who of the group runs it. */
  private static List<String> bombs(ControlGroup group) throws IOException {
    return Files.readAllLines(group.path().resolve("cgroup.procs")).stream()
        .filter(NoMoreProcessesTest::isBomb)
        .toList();
  }

  private static boolean isBomb(String pid) {
    try {
      return Files.readString(Path.of("/proc/" + pid + "/cmdline")).contains("os.setsid()");
    } catch (IOException gone) {
      return false;
    }
  }

  /** What each of them is. */
  private static List<String> descriptors(Daemon daemon) throws IOException {
    try (Stream<Path> all = Files.list(Path.of("/proc/" + daemon.process().pid() + "/fd"))) {
      return all.map(NoMoreProcessesTest::target).sorted().toList();
    }
  }

  private static String target(Path descriptor) {
    try {
      return Files.readSymbolicLink(descriptor).toString();
    } catch (IOException gone) {
      return "gone";
    }
  }
}
