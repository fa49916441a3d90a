package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.server.RawClient.Answer;
import java.io.IOException;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Signs of life, for clients that asked for them. */
@Tag("slow")
class PeerHeartbeatTest extends NodeTest {
  private static final String HELLO = "'type':'hello','version':1,'heartbeat_ms':1000";

  @Test
  void silentClientIsLostAndOneThatAnswersIsNot() throws Exception {
    RawClient answering = connect();
    RawClient silent = connect();
    assertEquals("hello", answering.ask(HELLO).type());
    assertEquals("hello", silent.ask(HELLO).type());
    silent.send("'id':'r','job':'silent','window':65536", "sleep 1000");
    silent.nextOfType("started");
    boolean lost = false;
    for (int beats = 0; !lost || beats < 5; beats++) {
      Answer ping = answering.nextOfType("ping");
      assertTrue(!ping.isFinal() && ping.id() == null, ping::toString);
      answering.send("'type':'pong'");
      lost = outcomeOf(answering, "silent").equals("abandoned");
    }
    silent.dropKept("ping");
    while (!silent.isAtEnd()) {
      // Pings, which nobody answers.
    }
    assertEquals("pong", answering.ask("'type':'ping'").type());
  }

  private static String outcomeOf(RawClient client, String job) throws IOException {
    return client.ask("'type':'status','job':'" + job + "'").text("outcome");
  }

  @Test
  void clientWithHeartbeatsGivesAWindow() throws Exception {
    RawClient client = connect();
    client.ask(HELLO);
    Answer run = client.ask("'job':'none','argv':['true']");
    assertEquals("bad_request", run.text("code"), run::toString);
    assertTrue(run.text("message").startsWith("window: missing"), run::toString);
    assertEquals("unknown_job", client.ask("'type':'status','job':'none'").text("code"));
    client.send("'id':'r','job':'some','window':1024", "true");
    assertEquals("exited", client.finish("r").outcome());
    assertEquals("bad_request", client.ask("'type':'attach','job':'some'").text("code"));
  }

  @Test
  void pongIsANotice() throws Exception {
    RawClient client = connect();
    client.send("'type':'pong'");
    assertEquals("pong", client.ask("'type':'ping'").type());
    client.send("'type':'pong','id':'p'");
    client.expectClose("bad_notice");
  }
}
