package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.server.RawClient.Answer;
import dev.runnel.server.RawClient.Ran;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Frames that are sent once more, as after a cut by who doesn't know what arrived. */
class DuplicatesTest extends NodeTest {
  @TempDir
  @SuppressWarnings("NullAway.Init")
  private Path folder;

  @Test
  void runOfSeveralAtOnceStartsOneProcess() throws Exception {
    Path marks = folder.resolve("marks");
    String run = "'id':'r','job':'crowd','once':'o','linger_ms':60000,'window':65536";
    List<RawClient> clients = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      clients.add(connect());
    }
    for (RawClient client : clients) {
      client.send(run, "echo x >> " + marks + "; sleep 0.1; echo done");
    }
    int ends = 0;
    for (RawClient client : clients) {
      Ran ran = client.finish("r");
      boolean told = ran.end().path("type").asText().equals("end");
      ends += told ? 1 : 0;
      assertEquals(told ? "" : "replaced", ran.end().path("reason").asText());
    }
    assertTrue(ends >= 1, () -> "nobody was told the end");
    assertEquals("x\n", Files.readString(marks));
  }

  @Test
  void stdinFromAnOlderOffsetIsDroppedAsFarAsItWasTaken() throws Exception {
    RawClient client = connect();
    client.send("'id':'r','job':'twice','window':65536,'stdin':true", "cat");
    client.send("'type':'stdin','job':'twice','offset':0", "abcdef");
    assertEquals("abcdef", client.output(6));
    client.send("'type':'stdin','job':'twice','offset':0", "abcdef");
    client.send("'type':'stdin','job':'twice','offset':3", "defghi");
    assertEquals("ghi", client.output(3));
    byte[] eof = RawClient.frame("'type':'stdin','job':'twice','offset':9,'eof':true");
    byte[] late = RawClient.frame("'type':'stdin','job':'twice','offset':7,'eof':true", "hi");
    client.send(RawClient.together(eof, eof, late));
    Ran ran = client.finish("r");
    assertEquals("exited", ran.outcome());
    assertEquals(9, ran.end().path("stdout").path("bytes").asLong());
    // And of a job that ended.
    client.send(RawClient.together(eof, late));
    assertEquals("pong", client.ask("'type':'ping'").type());
  }

  @Test
  void acknowledgementsBackwardsGiveNoCredit() throws Exception {
    StringBuilder expected = new StringBuilder();
    IntStream.rangeClosed(1, 5_000).forEach(i -> expected.append(i).append('\n'));
    RawClient client = connect();
    client.send("'id':'r','job':'back','window':1024,'retain':4096", "seq 1 5000");
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    Answer answer = client.nextOf("r");
    while (!answer.isFinal()) {
      out.writeBytes(answer.body());
      // What comes beyond the highest of them, the checker would find.
      for (int offset : new int[] {out.size(), out.size() / 2, 0, out.size()}) {
        client.send("'type':'ack','follow':'r','offset':" + offset);
      }
      answer = client.nextOf("r");
    }
    assertEquals(expected.toString(), out.toString(StandardCharsets.UTF_8));
    assertEquals(0, answer.number("gap_bytes"));
  }

  @Test
  void signalsAndCancelsOfWhatEndsAnswerWhatHappened() throws Exception {
    RawClient client = connect();
    client.send("'id':'r','job':'hit','window':65536", "exec sleep 1000");
    client.nextOfType("started");
    for (int i = 0; i < 3; i++) {
      assertEquals("ok", client.ask("'type':'signal','job':'hit','signal':'TERM'").type());
    }
    Ran ran = client.finish("r");
    assertEquals("signaled", ran.outcome());
    for (String again : List.of("'type':'signal','signal':'TERM'", "'type':'cancel'")) {
      assertEquals("ended", client.ask(again + ",'job':'hit'").text("state"));
    }
    client.send("'id':'s','job':'stop','window':65536", "exec sleep 1000");
    client.nextOfType("started");
    byte[][] cancels = new byte[3][];
    for (int i = 0; i < cancels.length; i++) {
      cancels[i] = RawClient.frame("'type':'cancel','id':'c" + i + "','job':'stop'");
    }
    client.send(RawClient.together(cancels));
    for (int i = 0; i < cancels.length; i++) {
      assertEquals("ok", client.finalOf("c" + i).type());
    }
    assertEquals("canceled", client.finish("s").outcome());
    assertEquals("ended", client.ask("'type':'cancel','job':'stop'").text("state"));
    client.send("'type':'attach','id':'a','job':'stop'");
    assertEquals("canceled", client.finish("a").outcome());
  }

  @Test
  void detachAgainLeavesTheJobAlone() throws Exception {
    RawClient client = connect();
    client.send("'id':'r','job':'off','window':65536,'stdin':true", "cat");
    client.nextOfType("started");
    byte[] first = RawClient.frame("'type':'detach','id':'d1','follow':'r'");
    byte[] again = RawClient.frame("'type':'detach','id':'d2','follow':'r'");
    client.send(RawClient.together(first, again));
    assertEquals("asked", client.finalOf("r").text("reason"));
    assertEquals("ok", client.finalOf("d1").type());
    assertEquals("bad_request", client.finalOf("d2").text("code"));
    client.send("'type':'attach','id':'a','job':'off','runner':true,'window':65536");
    client.nextOfType("stdin_ack");
    // Of the one that went before.
    assertEquals("bad_request", client.ask("'type':'detach','follow':'r'").text("code"));
    client.send("'type':'stdin','job':'off','offset':0,'eof':true", "still");
    assertEquals("still", client.finish("a").out());
  }
}
