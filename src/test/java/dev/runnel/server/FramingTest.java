package dev.runnel.server;

import static dev.runnel.server.RawClient.frame;
import static dev.runnel.server.RawClient.rawFrame;
import static dev.runnel.server.RawClient.together;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.server.RawClient.Answer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.SocketException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** Bytes as they come, right and wrong ones, and their end. PROTOCOL.md, section 1. */
@Tag("also-root")
@Tag("slow")
class FramingTest extends NodeTest {
  private static final byte[] NO_BODY = {};
  private static final int RUBBISH_BYTES = 4 << 20;

  /** What is no frame, and the error it gets. */
  @SuppressWarnings("ArrayRecordComponent") // Read, never compared.
  private record Malformed(String code, String what, byte[] bytes) {
    @Override
    public String toString() {
      return what;
    }
  }

  @SuppressWarnings("UnusedVariable") // By its name, in FieldSource.
  private static final List<Malformed> MALFORMED =
      List.of(
          length("bad_frame", 0),
          length("bad_frame", 1),
          length("header_too_large", 65_537),
          length("header_too_large", 0x7FFF_FFFF),
          length("header_too_large", 0xFFFF_FFFF),
          length("header_too_large", 0x8000_0000),
          header("bad_frame", "{}"),
          header("bad_frame", "hello"),
          header("bad_frame", "[1]"),
          header("bad_frame", "{'type':'ping','total_size':0"),
          header("bad_frame", "{'type':'ping','total_size':0}{}"),
          header("bad_frame", "{'type':'ping','type':'ping','total_size':0}"),
          header("bad_frame", "{'type':'ping','total_size':0,'t\\u0079pe':'ping'}"),
          header("bad_frame", "{'type':'ping','x-a':{'b':1,'b':1},'total_size':0}"),
          header("bad_frame", "{'type':'p\u00FFing','total_size':0}"),
          header("bad_frame", "{'type':'ping','x-a':'\u00C0\u0080','total_size':0}"),
          header("bad_frame", "{'x-a':" + "[".repeat(32) + "]".repeat(32) + ",'total_size':0}"),
          header("bad_frame", "{'type':'ping'}"),
          header("bad_frame", "{'type':'ping','total_size':-1}"),
          header("bad_frame", "{'type':'ping','total_size':0.0}"),
          header("bad_frame", "{'type':'ping','total_size':1e0}"),
          header("bad_frame", "{'type':'ping','total_size':'0'}"),
          header("bad_frame", "{'type':'ping','total_size':null}"),
          header("bad_frame", "{'type':'ping','total_size':9007199254740992}"),
          header("bad_frame", "{'type':'ping','total_size':1" + "0".repeat(400) + "}"),
          header("body_too_large", "{'total_size':131073}"),
          header("body_too_large", "{'total_size':9007199254740991}"),
          header("bad_frame", "{'type':'ping','id':7,'total_size':0}"),
          header("bad_frame", "{'type':'ping','id':null,'total_size':0}"),
          header("bad_frame", "{'type':'ping','id':'\\ud83d','total_size':0}"),
          header("bad_frame", "{'type':'ping','id':'" + "i".repeat(65) + "','total_size':0}"),
          header("bad_frame", "{'timeout_ms':1.5,'total_size':0}"));

  private static Malformed length(String code, int length) {
    byte[] bytes = Arrays.copyOf(rawFrame(new byte[0], NO_BODY), 4);
    for (int i = 0; i < 4; i++) {
      bytes[i] = (byte) (length >>> (8 * i));
    }
    return new Malformed(code, "length " + Integer.toUnsignedString(length), bytes);
  }

  private static Malformed header(String code, String json) {
    byte[] bytes = rawFrame(json.replace('\'', '"').getBytes(ISO_8859_1), NO_BODY);
    return new Malformed(code, json.substring(0, Math.min(60, json.length())), bytes);
  }

  @ParameterizedTest
  @FieldSource("MALFORMED")
  void malformedFrameGetsItsErrorWhileThePeerStillSends(Malformed malformed) throws Exception {
    RawClient bystander = connect();
    RawClient client = connect();
    client.send(together(frame("'type':'ping','id':'before'"), malformed.bytes));
    Thread sender = Thread.ofPlatform().start(() -> sendRubbish(client));

    Answer error = client.expectClose(malformed.code);

    assertTrue(error.header().path("message").isTextual(), error::toString);
    assertEquals("pong", client.finalOf("before").type());
    client.close();
    sender.join();
    assertEquals("pong", bystander.ask("'type':'ping'").type());
  }

  private static void sendRubbish(RawClient client) {
    byte[] piece = new byte[64 * 1024];
    try {
      for (int sent = 0; sent < RUBBISH_BYTES; sent += piece.length) {
        client.socket().getOutputStream().write(piece);
      }
    } catch (IOException closedMeanwhile) {
      return;
    }
  }

  @Test
  void peerThatSendsOnAfterItsErrorIsCutOff() throws Exception {
    RawClient client = connect();
    client.send(MALFORMED.getFirst().bytes);
    client.expectClose("bad_frame");

    byte[] more = new byte[1024];
    Until.holds(
        "end of the connection",
        () -> {
          try {
            client.socket().getOutputStream().write(more);
            return false;
          } catch (SocketException e) {
            return true;
          }
        });
  }

  @Test
  void peersWordsAreNoLinesOfTheLog() throws Exception {
    PrintStream real = System.err;
    ByteArrayOutputStream log = new ByteArrayOutputStream();
    System.setErr(new PrintStream(log, true, UTF_8));
    try {
      RawClient client = connect();
      client.send("'\\nforged\\r\\u001b[1m\\u0085':1,'\\nforged\\r\\u001b[1m\\u0085':1");
      Answer error = client.expectClose("bad_frame");
      assertTrue(error.text("message").contains("\nforged"), error::toString);
    } finally {
      System.setErr(real);
    }
    List<String> lines = log.toString(UTF_8).lines().toList();
    assertTrue(lines.stream().anyMatch(line -> line.contains("forged")), lines::toString);
    assertTrue(lines.stream().noneMatch(line -> line.startsWith("forged")), lines::toString);
    assertFalse(log.toString(UTF_8).contains("\u001b"), lines::toString);
  }

  @Test
  void malformedFrameEndsTheJobsOfItsConnection() throws Exception {
    RawClient client = connect();
    client.send("'job':'framing-1'", "exec sleep 100");
    long pid = client.nextOfType("started").number("pid");

    client.send(MALFORMED.getFirst().bytes);

    client.expectClose("bad_frame");
    Until.gone(pid);
  }

  @Test
  void answersFiftyRequestsOfOnePacket() throws Exception {
    RawClient client = connect();
    List<byte[]> frames = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      String id = "'id':'" + i + "'";
      frames.add(i % 2 == 0 ? frame(id, "echo " + i) : frame(id + ",'type':'ping'"));
    }

    client.send(together(frames.toArray(byte[][]::new)));

    for (int i = 0; i < 50; i++) {
      RawClient.Ran ran = client.finish("" + i);
      assertEquals(i % 2 == 0 ? "end" : "pong", ran.end().path("type").asText());
      assertEquals(i % 2 == 0 ? i + "\n" : "", ran.out());
    }
  }

  @Test
  void takesFramesByteByByte() throws Exception {
    RawClient client = connect();
    byte[] frames = together(frame("'type':'ping','id':'p'"), frame("'id':'r'", "echo bytes"));

    for (byte b : frames) {
      client.send(new byte[] {b});
    }

    assertEquals("pong", client.finalOf("p").type());
    assertEquals("bytes\n", client.finish("r").out());
  }

  @Test
  void takesFramesCutAnywhere() throws Exception {
    RawClient client = connect();
    byte[] frames = together(frame("'id':'r'", "echo cut"), frame("'type':'ping','id':'p'"));
    for (int cut = 1; cut < frames.length; cut++) {
      client.send(Arrays.copyOf(frames, cut));
      client.send(Arrays.copyOfRange(frames, cut, frames.length));
      assertEquals("cut\n", client.finish("r").out());
      assertEquals("pong", client.finalOf("p").type());
    }
  }

  @Test
  void takesTheLargestHeaderAndTheLargestBody() throws Exception {
    RawClient client = connect();
    String padding = "x".repeat(65_536 - "{'type':'ping','x-pad':'','total_size':0}".length());

    client.send("'type':'ping','x-pad':'" + padding + "'");
    assertEquals("pong", client.next().type());

    client.send(frame("'type':'stdin','job':'nobody','offset':0", new byte[131_072]));
    client.send("'type':'ping'");
    assertEquals("pong", client.next().type());
  }

  @Test
  void takesWhiteSpaceAroundTheHeader() throws Exception {
    RawClient client = connect();
    byte[] header = "\t\r\n { \"type\" : \"ping\", \"total_size\" : 0 } \n".getBytes(ISO_8859_1);

    client.send(rawFrame(header, NO_BODY));

    assertEquals("pong", client.next().type());
  }

  @Test
  void endOfStreamWithinAFrameRunsNothing() throws Exception {
    byte[] frame = frame("'job':'cut-short'", "exit 0");
    for (int cut : IntStream.range(1, frame.length).toArray()) {
      RawClient client = connect();
      client.send(Arrays.copyOf(frame, cut));
      client.socket().shutdownOutput();
      assertTrue(client.isAtEnd());
    }
    Answer status = connect().ask("'type':'status','job':'cut-short'");
    assertEquals("unknown_job", status.text("code"));
  }

  @Test
  void endOfTheClientsStreamIsItsDisconnect() throws Exception {
    RawClient client = connect();
    client.send("'job':'framing-2'", "exec sleep 100");
    long pid = client.nextOfType("started").number("pid");

    client.socket().shutdownOutput();

    assertTrue(client.isAtEnd());
    Until.gone(pid);
    RawClient other = connect();
    Until.holds(
        "end of its job",
        () -> other.ask("'type':'status','job':'framing-2'").text("outcome").equals("abandoned"));
    assertFalse(Until.isAlive(pid));
  }
}
