package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.Daemon;
import dev.runnel.server.RawClient.Answer;
import dev.runnel.server.RawClient.Ran;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What jobs and their followers get when the daemon is asked to end. */
@Tag("also-root")
@Tag("slow")
class DaemonEndTest {
  private static Daemon start(String grace) throws Exception {
    return Daemon.start(
        "--listen", "127.0.0.1:0", "--insecure", "--log-level", "info", "--shutdown-grace", grace);
  }

  private static void askToEnd(Daemon daemon, int times) throws Exception {
    for (int i = 0; i < times; i++) {
      daemon.process().destroy();
      int count = i + 1;
      String[] told = {"draining", "drained cause=asked", "killing"};
      Until.holds("signal " + count, () -> daemon.log().contains(told[count - 1]));
    }
  }

  @Test
  void jobsThatEndInTimeEndAsIfNothingWasAsked() throws Exception {
    try (Daemon daemon = start("1h");
        RawClient client = new RawClient(daemon.port())) {
      client.send("'id':'r','job':'a','stdin':true", "echo ready; cat; exit 5");
      client.output("ready\n".length());
      askToEnd(daemon, 1);

      client.send("'id':'new'", "true");
      Answer refused = client.finalOf("new");
      assertEquals("unavailable", refused.text("code"), refused::toString);
      assertTrue(daemon.process().isAlive());

      client.send("'type':'stdin','job':'a','offset':0,'eof':true");
      Ran ran = client.finish("r");
      assertEquals("exited", ran.outcome());
      assertEquals(5, ran.end().path("exit_code").asInt());
      assertEquals(0, daemon.exitCode());
    }
  }

  @Test
  void jobsThatDoNotAreEndedAsShutDown() throws Exception {
    try (Daemon daemon = start("50ms");
        RawClient client = new RawClient(daemon.port())) {
      client.send(
          "'id':'r'", "trap 'echo bye; exit 6' TERM; echo ready; while :; do sleep 0.01; done");
      client.output("ready\n".length());
      daemon.process().destroy();
      Ran ran = client.finish("r");
      assertEquals("shutdown", ran.outcome());
      assertEquals(6, ran.end().path("exit_code").asInt());
      assertEquals("bye\n", ran.out());
      assertEquals(0, daemon.exitCode());
    }
  }

  @Test
  void aSecondSignalEndsThemAtOnce() throws Exception {
    try (Daemon daemon = start("1h");
        RawClient client = new RawClient(daemon.port())) {
      client.send("'id':'r'", "echo ready; exec sleep 1000");
      client.output("ready\n".length());
      askToEnd(daemon, 2);
      assertEquals("shutdown", client.finish("r").outcome());
      assertEquals(0, daemon.exitCode());
    }
  }

  /** As of a shell that somebody has open, which ends by nothing but a hangup. */
  @Test
  void saysForHowManyJobsItWaitsAndThenHangsUpOnTerminals() throws Exception {
    String pty =
        "'pty':{'rows':24,'cols':80,'term':'dumb'},'window':65536,'stdin':true,'env':{'PS1':'>'},";
    try (Daemon daemon = start("2s");
        RawClient client = new RawClient(daemon.port())) {
      client.send("'id':'a','grace_ms':300000," + pty + "'argv':['bash','--norc','-i']");
      client.send("'id':'b','argv':['sleep','1000']");
      client.nextThat(answer -> answer.type().equals("output"));
      client.nextThat(answer -> answer.type().equals("started") && "b".equals(answer.id()));
      askToEnd(daemon, 1);
      assertTrue(
          daemon
              .log()
              .contains("draining jobs=2 patience_ms=2000 (another signal ends them at once)"),
          daemon.log());
      Ran shell = client.finish("a");
      assertEquals("shutdown", shell.outcome());
      assertEquals("HUP", shell.end().path("signal").asText());
      assertEquals("shutdown", client.finish("b").outcome());
      assertEquals(0, daemon.exitCode());
    }
  }

  @Test
  void aThirdOneKillsWhoTakesItsTime() throws Exception {
    try (Daemon daemon = start("1h");
        RawClient client = new RawClient(daemon.port())) {
      client.send(
          "'id':'r','grace_ms':300000", "trap '' TERM; echo ready; while :; do sleep 0.1; done");
      client.output("ready\n".length());
      askToEnd(daemon, 3);
      Ran ran = client.finish("r");
      assertEquals("shutdown", ran.outcome());
      assertEquals("KILL", ran.end().path("signal").asText());
      assertEquals(0, daemon.exitCode());
    }
  }

  @Test
  void anIdleDaemonWaitsForNobody() throws Exception {
    try (Daemon daemon = start("1h")) {
      daemon.port();
      daemon.process().destroy();
      assertEquals(0, daemon.exitCode());
      assertEquals(List.of(), daemon.warnings());
    }
  }
}
