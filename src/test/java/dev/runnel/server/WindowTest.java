package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.server.RawClient.Answer;
import dev.runnel.server.RawClient.Ran;
import java.io.IOException;
import org.junit.jupiter.api.Test;

/** Output by credit. PROTOCOL.md, "Credit". */
class WindowTest extends NodeTest {
  private static void ack(RawClient client, long offset) throws IOException {
    client.send("'type':'ack','follow':'r','offset':" + offset);
  }

  /** Reads output of "r" up to an offset. */
  private static void readUpTo(RawClient client, long offset) throws IOException {
    long end = -1;
    while (end < offset) {
      Answer output =
          client.nextThat(answer -> "r".equals(answer.id()) && answer.type().equals("output"));
      end = output.number("offset") + output.body().length;
    }
    assertEquals(offset, end);
  }

  // What the server had to send before it has been read by then, and kept.
  private static void checkNothingComes(RawClient client) throws IOException {
    for (int i = 0; i < 5; i++) {
      assertEquals("pong", client.ask("'type':'ping'").type());
    }
    client.dropKept("started");
    client.dropKept("exited");
    assertEquals(0, client.keptFrames());
  }

  @Test
  void sendsUpToTheWindowAndThenWhateverCreditThereIs() throws Exception {
    RawClient client = connect();
    client.send("'id':'r','job':'win-1','window':1024", "head -c 5000 /dev/zero");
    assertEquals("started", client.next().type());
    readUpTo(client, 1024);
    // The command ends meanwhile, or has.
    Until.holds(
        "exit", () -> !client.ask("'type':'status','job':'win-1'").text("state").equals("running"));
    checkNothingComes(client);

    ack(client, 1);
    readUpTo(client, 1025);
    checkNothingComes(client);
    ack(client, 3);
    readUpTo(client, 1027);
    ack(client, 1026);
    readUpTo(client, 2050);
    checkNothingComes(client);
    ack(client, 2050);
    readUpTo(client, 3074);
    ack(client, 3074);
    readUpTo(client, 4098);
    ack(client, 4098);

    Ran ran = client.finish("r");
    assertEquals(5000, ran.end().path("output_bytes").asLong());
    assertEquals(5000 - 4098, ran.stdout().length);
  }

  @Test
  void endNeedsNoAck() throws Exception {
    RawClient client = connect();
    client.send("'id':'r','window':1024", "head -c 1024 /dev/zero");
    Ran ran = client.finish("r");
    assertEquals("exited", ran.outcome());
    assertEquals(1024, ran.stdout().length);
  }

  @Test
  void processBlocksWhenTheLogIsFull() throws Exception {
    RawClient client = connect();
    client.send("'id':'r','job':'win-2','window':1024,'retain':4096", "exec yes");
    readUpTo(client, 1024);
    String status = "'type':'status','job':'win-2'";
    Until.holds("full log", () -> client.ask(status).number("output_bytes") == 4096);
    ack(client, 1024);
    readUpTo(client, 2048);
    Until.holds("full log", () -> client.ask(status).number("output_bytes") == 5120);
    for (int i = 0; i < 20; i++) {
      assertEquals(5120, client.ask(status).number("output_bytes"));
    }
    assertEquals("running", client.ask(status).text("state"));
  }

  @Test
  void oldAcksChangeNothing() throws Exception {
    RawClient client = connect();
    client.send("'id':'r','window':2048", "exec yes");
    readUpTo(client, 2048);
    ack(client, 2000);
    readUpTo(client, 4048);
    ack(client, 2000);
    ack(client, 0);
    ack(client, 1999);
    checkNothingComes(client);
    ack(client, 2001);
    readUpTo(client, 4049);
  }

  @Test
  void ackBeyondWhatWasSentEndsTheConnection() throws Exception {
    RawClient client = connect();
    client.send("'id':'r','window':1024", "exec yes");
    long pid = client.nextOfType("started").number("pid");
    readUpTo(client, 1024);
    ack(client, 1025);
    client.expectClose("bad_notice");
    Until.gone(pid);
  }

  @Test
  void ackBeyondWhatWasSentEndsTheConnectionWithoutAWindowToo() throws Exception {
    RawClient client = connect();
    client.send("'id':'r'", "echo x; exec sleep 100");
    readUpTo(client, 2);
    ack(client, 2);
    checkNothingComes(client);
    ack(client, 3);
    client.expectClose("bad_notice");
  }

  @Test
  void ackOfAFinishedRunIsDropped() throws Exception {
    RawClient client = connect();
    client.send("'id':'r','window':1024", "echo x");
    client.finish("r");
    ack(client, 1_000_000);
    client.send("'type':'ack','offset':1000000");
    checkNothingComes(client);
  }

  @Test
  void ackWithoutFollowIsForTheRunWithoutId() throws Exception {
    RawClient client = connect();
    client.send("'window':1024", "head -c 3000 /dev/zero");
    long end = 0;
    Answer answer;
    do {
      answer = client.next();
      if (answer.type().equals("output")) {
        end = answer.number("offset") + answer.body().length;
        client.send("'type':'ack','offset':" + end);
      }
    } while (!answer.isFinal());
    assertEquals(3000, answer.number("output_bytes"));
    assertEquals(3000, end);
  }

  @Test
  void ackOfARunThatNobodyCanHaveNamedIsDropped() throws Exception {
    RawClient client = connect();
    client.send("'window':1024", "exec sleep 100");
    client.nextOfType("started");
    for (int length = 64; length < 70; length++) {
      client.send("'type':'ack','follow':'" + "x".repeat(length) + "','offset':1000");
    }
    checkNothingComes(client);
  }

  @Test
  void creditOfOneJobIsNotAnothers() throws Exception {
    RawClient client = connect();
    client.send("'id':'r','window':1024", "exec yes");
    client.send("'id':'s','window':4096", "exec yes");
    client.send("'id':'t'", "head -c 1000000 /dev/zero");
    Ran ran = client.finish("t");
    assertEquals(1_000_000, ran.stdout().length);
    readUpTo(client, 1024);
    ack(client, 1024);
    readUpTo(client, 2048);
    long end = -1;
    while (end < 4096) {
      Answer output = client.nextThat(a -> "s".equals(a.id()) && a.type().equals("output"));
      end = output.number("offset") + output.body().length;
    }
    checkNothingComes(client);
  }

  @Test
  void windowMayBeAllThatIsRetained() throws Exception {
    RawClient client = connect();
    client.send("'id':'r','window':1024,'retain':1024", "exec yes");
    readUpTo(client, 1024);
    for (long offset = 1; offset <= 3000; offset += 100) {
      ack(client, offset);
      readUpTo(client, offset + 1024);
    }
    assertTrue(client.ask("'type':'ping'").isFinal());
  }
}
