package dev.runnel.server;

import static dev.runnel.server.RawClient.frame;
import static dev.runnel.server.RawClient.together;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.server.RawClient.Answer;
import dev.runnel.server.RawClient.Ran;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What goes into a command. PROTOCOL.md, "stdin". */
@Tag("also-root")
class StdinTest extends NodeTest {
  private static final int WINDOW = 65_536;

  private static byte[] stdin(String job, long offset, String bytes) {
    return frame("'type':'stdin','job':'" + job + "','offset':" + offset, bytes);
  }

  private static byte[] eof(String job, long offset, String bytes) {
    return frame("'type':'stdin','job':'" + job + "','eof':true,'offset':" + offset, bytes);
  }

  private static Answer ack(RawClient client, long offset) throws IOException {
    return client.nextThat(
        answer -> answer.type().equals("stdin_ack") && answer.number("offset") == offset);
  }

  private static String status(RawClient client, String job) throws IOException {
    return client.ask("'type':'status','job':'" + job + "'").text("state");
  }

  @Test
  void whatIsSentComesOutAndIsAcknowledged() throws Exception {
    RawClient client = connect();
    client.send("'id':'r','job':'in-1','stdin':true", "cat; echo over");
    assertEquals("started", client.next().type());
    assertEquals("stdin_ack", client.next().type());

    client.send(stdin("in-1", 0, "one "));
    assertFalse(ack(client, 4).header().has("eof"));
    assertEquals("one ", client.output(4));
    client.send(stdin("in-1", 4, ""));
    client.send(stdin("in-1", 4, "two"));
    ack(client, 7);
    client.send(eof("in-1", 7, "!"));

    Answer last =
        client.nextThat(answer -> answer.type().equals("stdin_ack") && answer.header().has("eof"));
    assertEquals(8, last.number("offset"));
    assertTrue(last.header().path("eof").asBoolean());
    assertEquals("two!over\n", client.finish("r").out());
  }

  @Test
  void carriesAnyAmountWithinItsCredit() throws Exception {
    byte[] input = new byte[3_000_000];
    new Random(7).nextBytes(input);
    RawClient client = connect();
    client.send("'job':'in-2','stdin':true", "exec cat");

    ByteArrayOutputStream output = new ByteArrayOutputStream();
    int sent = 0;
    int credit = WINDOW;
    Answer answer;
    do {
      while (sent < Math.min(credit, input.length)) {
        int end = Math.min(Math.min(credit, input.length), sent + 10_000);
        String eof = end == input.length ? ",'eof':true" : "";
        client.send(
            frame(
                "'type':'stdin','job':'in-2','offset':" + sent + eof,
                Arrays.copyOfRange(input, sent, end)));
        sent = end;
      }
      answer = client.next();
      if (answer.type().equals("stdin_ack")) {
        credit = (int) answer.number("offset") + WINDOW;
      } else if (answer.type().equals("output")) {
        output.writeBytes(answer.body());
      }
    } while (!answer.isFinal());

    assertArrayEquals(input, output.toByteArray());
    assertEquals("exited", answer.text("outcome"));
  }

  @Test
  void mayBeSentTogetherWithTheRun() throws Exception {
    RawClient client = connect();
    client.send(
        together(
            frame("'job':'in-3','stdin':true", "cat"),
            stdin("in-3", 0, "to"),
            stdin("in-3", 2, "gether"),
            eof("in-3", 8, "")));
    assertEquals("together", client.finish().out());
  }

  @Test
  void aWholeWindowMayBeSentAhead() throws Exception {
    RawClient client = connect();
    client.send(
        together(frame("'job':'in-4','stdin':true", "wc -c"), eof("in-4", 0, "x".repeat(WINDOW))));
    assertEquals("65536", client.finish().out().strip());
  }

  @Test
  void overrunEndsTheConnection() throws Exception {
    RawClient client = connect();
    client.send(
        together(
            frame("'job':'in-5','stdin':true", "exec sleep 100"),
            stdin("in-5", 0, "x".repeat(WINDOW + 1))));
    Answer error = client.expectClose("bad_notice");
    assertTrue(error.text("message").contains("65536"), error::toString);
  }

  @Test
  void windowIsCountedFromWhatThePipeHasTaken() throws Exception {
    RawClient client = connect();
    client.send("'job':'in-6','stdin':true", "exec sleep 100");
    client.send(stdin("in-6", 0, "x".repeat(WINDOW)));
    // A pipe holds something, whatever its reader does.
    Answer ack =
        client.nextThat(answer -> answer.type().equals("stdin_ack") && answer.number("offset") > 0);
    long taken = ack.number("offset");
    client.send(stdin("in-6", WINDOW, "y".repeat((int) taken)));
    assertEquals("pong", client.ask("'type':'ping'").type());

    client.send(stdin("in-6", 0, "z".repeat(131_072)));
    client.send(stdin("in-6", 131_072, "z".repeat(131_072)));
    client.expectClose("bad_notice");
  }

  @ParameterizedTest
  @ValueSource(strings = {"1", "100000", "9007199254740991"})
  void holeEndsTheConnection(String offset) throws Exception {
    RawClient client = connect();
    client.send("'job':'in-7-" + offset + "','stdin':true", "exec sleep 100");
    long pid = client.nextOfType("started").number("pid");
    client.send(stdin("in-7-" + offset, Long.parseLong(offset), "x"));
    client.expectClose("bad_notice");
    Until.gone(pid);
  }

  @Test
  void bytesBeyondEofEndTheConnection() throws Exception {
    RawClient client = connect();
    client.send("'id':'r','job':'in-8','stdin':true", "exec sleep 100");
    client.send(eof("in-8", 0, "abc"));
    ack(client, 3);
    // Neither adds anything.
    client.send(stdin("in-8", 0, "abc"));
    client.send(eof("in-8", 3, ""));
    assertEquals("pong", client.ask("'type':'ping'").type());

    client.send(stdin("in-8", 3, "d"));
    client.expectClose("bad_notice");
  }

  @Test
  void eofBelowWhatWasSentEndsTheConnection() throws Exception {
    RawClient client = connect();
    client.send(
        together(
            frame("'job':'in-9','stdin':true", "exec sleep 100"),
            stdin("in-9", 0, "abc"),
            eof("in-9", 0, "ab")));
    client.expectClose("bad_notice");
  }

  @Test
  void duplicatesAreDroppedAndAcknowledgedAgain() throws Exception {
    RawClient client = connect();
    client.send("'id':'r','job':'in-10','stdin':true", "exec cat");
    client.send(stdin("in-10", 0, "abc"));
    ack(client, 3);
    client.send(stdin("in-10", 0, "abc"));
    ack(client, 3);
    client.send(stdin("in-10", 1, "b"));
    ack(client, 3);
    client.send(stdin("in-10", 1, "bcd"));
    ack(client, 4);
    client.send(eof("in-10", 0, "abcde"));
    assertEquals("abcde", client.finish("r").out());
  }

  @Test
  void duplicateOfTheEofIsAcknowledgedAgain() throws Exception {
    RawClient client = connect();
    client.send("'id':'r','job':'in-11','stdin':true", "exec sleep 100");
    for (int i = 0; i < 3; i++) {
      client.send(eof("in-11", 0, "abc"));
      Answer ack =
          client.nextThat(
              answer -> answer.type().equals("stdin_ack") && answer.header().has("eof"));
      assertEquals(3, ack.number("offset"));
    }
  }

  @Test
  void processThatReadsNoMoreIsTold() throws Exception {
    RawClient client = connect();
    client.send("'id':'r','job':'in-12','stdin':true", "exec <&-; echo closed; exec sleep 100");
    assertEquals("closed\n", client.output(7));
    client.nextThat(answer -> answer.type().equals("stdin_closed"));

    // Dropped, whatever it is: its sender could not have known.
    client.send(stdin("in-12", 0, "abc"));
    client.send(stdin("in-12", 70_000, "abc"));
    client.send(stdin("in-12", 0, "x".repeat(131_072)));
    client.send(eof("in-12", 1, ""));
    assertEquals("running", status(client, "in-12"));
    assertEquals("ok", client.ask("'type':'cancel','job':'in-12'").type());
    assertEquals("canceled", client.finish("r").outcome());
  }

  @Test
  void processThatReadsALittleGetsItAndIsTold() throws Exception {
    RawClient client = connect();
    client.send("'id':'r','job':'in-13','stdin':true", "head -c 3; exec <&- sleep 100");
    client.send(stdin("in-13", 0, "x".repeat(WINDOW)));
    assertEquals("xxx", client.output(3));
    client.nextThat(answer -> answer.type().equals("stdin_closed"));
    assertEquals("pong", client.ask("'type':'ping'").type());
  }

  @Test
  void processMayEndBeforeItHasReadAll() throws Exception {
    RawClient client = connect();
    client.send("'id':'r','job':'in-14','stdin':true", "exit 6");
    client.send(stdin("in-14", 0, "x".repeat(WINDOW)));
    Ran ran = client.finish("r");
    assertEquals("exited", ran.outcome());
    assertEquals(6, ran.end().path("exit_code").asInt());

    client.send(stdin("in-14", 200_000, "for a job that has ended"));
    assertEquals("pong", client.ask("'type':'ping'").type());
  }

  @Test
  void noticesThatConcernNobodyAreDropped() throws Exception {
    RawClient owner = connect();
    owner.send("'job':'in-15','stdin':true", "cat");
    assertEquals("started", owner.next().type());

    RawClient other = connect();
    other.send(stdin("in-15", 0, "foreign"));
    other.send(stdin("in-15", 500, "foreign"));
    other.send(eof("in-15", 0, "foreign"));
    other.send(stdin("nobody", 77, "x"));
    other.send("'type':'ack','offset':5");
    other.send("'type':'ack','follow':'nobody','offset':5");
    assertEquals("pong", other.ask("'type':'ping'").type());

    owner.send(eof("in-15", 0, "own"));
    assertEquals("own", owner.finish().out());
  }

  @Test
  void jobWithoutStdinReadsNothing() throws Exception {
    RawClient client = connect();
    client.send("'job':'in-16'", "cat; echo none");
    client.send(stdin("in-16", 0, "abc"));
    assertEquals("none\n", client.finish().out());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "'type':'stdin','job':'in-17','offset':0,'id':'x'",
        "'type':'stdin','job':'in-17'",
        "'type':'stdin','offset':0",
        "'type':'stdin','job':'in-17','offset':-1",
        "'type':'stdin','job':'in-17','offset':0,'eof':1",
        "'type':'stdin','job':'in-17','offset':0,'end':true",
        "'type':'ack'",
        "'type':'ack','offset':-1",
        "'type':'ack','offset':0,'id':'x'",
        "'type':'ack','offset':0,'job':'in-17'",
      })
  void mistakeInANoticeEndsTheConnection(String keys) throws Exception {
    RawClient client = connect();
    client.send(keys);
    client.expectClose("bad_notice");
  }

  @Test
  void cutUploadDoesNotLookComplete(@TempDir Path folder) throws Exception {
    RawClient client = connect();
    client.send(
        "'job':'in-18','stdin':true,'cwd':'" + folder.toRealPath() + "'",
        "cat > part && mv part whole");
    long pid = client.nextOfType("started").number("pid");
    client.send(stdin("in-18", 0, "half of "));
    ack(client, 8);
    Until.holds(
        "arrival",
        () -> Files.exists(folder.resolve("part")) && Files.size(folder.resolve("part")) == 8);
    assertEquals("running", status(client, "in-18"));

    client.close();

    Until.gone(pid);
    RawClient other = connect();
    Until.holds("end of the job", () -> status(other, "in-18").equals("ended"));
    assertFalse(Files.exists(folder.resolve("whole")));
  }
}
