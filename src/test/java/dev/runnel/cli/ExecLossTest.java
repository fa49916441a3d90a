package dev.runnel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.wire.RawFrames;
import java.util.Arrays;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;

/** That nothing but a whole answer is a success. */
@NullMarked
class ExecLossTest {
  private static final String OK = "\"outcome\":\"exited\",\"exit_code\":0";

  private final Client client = new Client();

  /** Runs against a server that began to answer and plays this on. */
  private String fails(FakeServer.Script script) throws Exception {
    try (FakeServer server =
        new FakeServer(
            peer -> {
              var _ = peer.read();
              peer.started();
              peer.stdout("12345");
              script.play(peer);
            })) {
      assertEquals(255, client.exec(server, "true"));
    }
    String err = client.err();
    assertEquals(err.length() - 1, err.indexOf('\n'), "one line: " + err);
    assertTrue(err.startsWith("runnel: "), err);
    return err;
  }

  @Test
  void aMissingByteIsAFailure() throws Exception {
    String err = fails(peer -> peer.end(OK, FakeServer.Peer.total(6, 1), FakeServer.NOTHING));
    assertEquals("runnel: stdout: 5 bytes arrived, but 6 were written\n", err);
  }

  @Test
  void aMissingStreamIsAFailure() throws Exception {
    String err = fails(peer -> peer.end(OK, peer.total(), FakeServer.Peer.total(1, 1)));
    assertEquals("runnel: stderr: 0 bytes arrived, but 1 were written\n", err);
  }

  @Test
  void aChangedByteIsAFailure() throws Exception {
    String err = fails(peer -> peer.end(OK, FakeServer.Peer.total(5, 1), FakeServer.NOTHING));
    assertTrue(err.contains("CRC-32"), err);
  }

  @Test
  void anEndWithoutTotalsIsAFailure() throws Exception {
    String err = fails(peer -> peer.send("\"type\":\"end\",\"id\":\"run\",\"job\":\"j\"," + OK));
    assertTrue(err.contains("stdout: missing"), err);
  }

  @Test
  void aGapIsAFailure() throws Exception {
    String err =
        fails(
            peer -> {
              peer.send(
                  "\"type\":\"gap\",\"id\":\"run\",\"final\":false,\"job\":\"j\",\"from\":5,\"to\":9");
              peer.send(FakeServer.Peer.outputKeys("stdout", 9), "rest");
              peer.end(OK + ",\"gap_bytes\":4");
            });
    assertTrue(err.contains("4 bytes of output were not sent"), err);
    assertEquals("12345rest", client.out());
  }

  @Test
  void gapBytesWithoutAGapAreAFailure() throws Exception {
    String err = fails(peer -> peer.end(OK + ",\"gap_bytes\":4"));
    assertTrue(err.contains("4 bytes of output"), err);
  }

  @Test
  void aJumpIsAFailure() throws Exception {
    String err =
        fails(
            peer -> {
              peer.send(FakeServer.Peer.outputKeys("stdout", 7), "xy");
              peer.end(OK);
            });
    assertEquals("runnel: output jumped from offset 5 to 7\n", err);
  }

  @Test
  void noEndIsAFailure() throws Exception {
    String err = fails(_ -> {});
    assertTrue(err.contains(" lost after 5 bytes of output; the command's end is not known"), err);
  }

  @Test
  void aCutAnywhereInTheEndIsAFailure() throws Exception {
    byte[] end =
        FakeServer.Peer.frame(
            "\"type\":\"end\",\"id\":\"run\",\"final\":true,\"job\":\"j\","
                + OK
                + ",\"stdout\":{\"bytes\":0,\"crc32\":0},\"stderr\":{\"bytes\":0,\"crc32\":0}",
            "");
    for (int cut = 0; cut < end.length; cut += cut < 8 ? 1 : 13) {
      byte[] part = Arrays.copyOf(end, cut);
      Client one = new Client();
      try (FakeServer server =
          new FakeServer(
              peer -> {
                var _ = peer.read();
                peer.started();
                peer.raw(part);
              })) {
        assertEquals(255, one.exec(server, "true"), "cut at " + cut);
      }
    }
  }

  @Test
  void aBrokenFrameIsAFailure() throws Exception {
    String err = fails(peer -> peer.raw(RawFrames.frame("{\"type\":\"output\"")));
    assertTrue(err.contains("sent a broken frame after 5 bytes of output"), err);
  }

  @Test
  void anErrorInTheMiddleIsAFailure() throws Exception {
    String err =
        fails(
            peer ->
                peer.send(
                    "\"type\":\"error\",\"final\":true,\"code\":\"too_slow\",\"message\":\"30 s\","
                        + "\"close\":true"));
    assertTrue(err.endsWith(": too_slow: 30 s\n"), err);
  }

  @Test
  void aStrangeAnswerIsAFailure() throws Exception {
    String err = fails(peer -> peer.send("\"type\":\"pong\",\"final\":true,\"id\":\"run\""));
    assertTrue(err.contains("answered the run with"), err);
  }

  @Test
  void aRefusalIsAFailureThatNamesItsCode() throws Exception {
    try (FakeServer server =
        new FakeServer(
            peer -> {
              var _ = peer.read();
              peer.send(
                  "\"type\":\"error\",\"final\":true,\"id\":\"run\",\"code\":\"busy\","
                      + "\"message\":\"jobs: 100\\u001b[2J (limit: 100)\"");
            })) {
      assertEquals(255, client.exec(server, "true"));
      assertEquals(
          "runnel: " + server.host() + ": busy: jobs: 100 [2J (limit: 100)\n", client.err());
    }
  }

  @Test
  void aServerOfAnotherProtocolIsNamed() throws Exception {
    try (FakeServer server =
        new FakeServer(peer -> peer.raw(RawFrames.utf8("HTTP/1.1 400 Bad Request\r\n\r\n")))) {
      assertEquals(255, client.exec(server, "true"));
      assertTrue(
          client.err().startsWith("runnel: " + server.host() + " does not speak Runnel's protocol"),
          client.err());
    }
  }

  @Test
  void aServerThatClosesAtOnceIsNamed() throws Exception {
    try (FakeServer server = new FakeServer(FakeServer.Peer::read)) {
      assertEquals(255, client.exec(server, "true"));
      assertTrue(client.err().contains("whether the command ran is not known"), client.err());
    }
  }
}
