package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;

/** What clients do to a server in the course of a day, good and bad. */
final class MixedUse {
  private static final byte[] MALFORMED = {-1, -1, -1, -1};

  private final int port;
  private int rounds;

  MixedUse(int port) {
    this.port = port;
  }

  /** One of each. */
  void round() throws IOException {
    // Names stay taken for a while.
    int round = rounds++;
    try (RawClient client = new RawClient(port)) {
      client.send("'id':'ok'", "seq 1 5000; echo err >&2");
      client.send("'id':'fails'", "head -c 4096 /dev/zero; exit 3");
      client.send("'id':'killed'", "kill -KILL $$");
      client.send("'id':'canceled','job':'canceled-" + round + "','grace_ms':100", "sleep 1000");
      client.send("'id':'timed_out','timeout_ms':20,'grace_ms':20", "trap '' TERM; sleep 1000");
      client.send("'id':'leaves','grace_ms':20,'drain_ms':20", "sleep 1000 & echo gone");
      client.send("'id':'reads','job':'reads-" + round + "','stdin':true", "cat");
      client.send("'id':'deaf','job':'deaf-" + round + "','stdin':true", "exec <&-; cat /dev/null");
      client.send("'id':'absent','argv':['/no/such']");
      client.send("'id':'nowhere','argv':['true'],'cwd':'/no/such'");
      client.send("'id':'elsewhere','argv':['true'],'cwd':'/tmp'");
      client.send("'id':'bad','argv':['true'],'stdout':1");
      client.send(
          "'type':'stdin','job':'reads-" + round + "','offset':0,'eof':true", "x".repeat(10_000));
      client.send("'type':'stdin','job':'deaf-" + round + "','offset':0", "y".repeat(10_000));
      client.ask("'type':'cancel','job':'canceled-" + round + "'");
      leaveInMidOutput();
      leaveBeforeItBegins();
      leaveUnread();
      breakTheProtocol();
      assertEquals(0, client.finish("ok").end().path("exit_code").asInt(-1));
      assertEquals(3, client.finish("fails").end().path("exit_code").asInt());
      assertEquals("signaled", client.finish("killed").outcome());
      assertEquals("canceled", client.finish("canceled").outcome());
      assertEquals("timed_out", client.finish("timed_out").outcome());
      assertEquals("gone\n", client.finish("leaves").out());
      assertEquals(10_000, client.finish("reads").stdout().length);
      assertEquals("exited", client.finish("deaf").outcome());
      assertEquals("start_failed", client.finish("absent").outcome());
      assertEquals("start_failed", client.finish("nowhere").outcome());
      assertEquals("exited", client.finish("elsewhere").outcome());
      assertEquals("bad_request", client.finalOf("bad").text("code"));
    }
  }

  private void leaveInMidOutput() throws IOException {
    try (RawClient leaving = new RawClient(port)) {
      leaving.send("'id':'a','grace_ms':20", "cat /dev/zero");
      leaving.send("'id':'b','grace_ms':20,'window':1024,'stdin':true", "cat /dev/zero");
      leaving.nextOfType("output");
    }
  }

  private void leaveBeforeItBegins() throws IOException {
    try (RawClient leaving = new RawClient(port)) {
      leaving.send("'id':'a','grace_ms':20", "sleep 1000");
    }
  }

  private void leaveUnread() throws IOException {
    try (RawClient leaving = new RawClient(port)) {
      leaving.send("'id':'a'", "seq 1 50000");
      leaving.socket().setSoLinger(true, 0);
      leaving.nextOfType("started");
    }
  }

  private void breakTheProtocol() throws IOException {
    try (RawClient breaking = new RawClient(port)) {
      breaking.send("'id':'a','grace_ms':20", "sleep 1000");
      breaking.send(MALFORMED);
      breaking.expectClose("header_too_large");
    }
    try (RawClient breaking = new RawClient(port)) {
      breaking.send(new byte[] {9, 0});
    }
  }
}
