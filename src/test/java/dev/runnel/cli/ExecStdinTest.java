package dev.runnel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Pipe;
import java.nio.channels.ReadableByteChannel;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;

/** How our stdin becomes the command's. */
@NullMarked
class ExecStdinTest {
  private static final String OK = "\"outcome\":\"exited\",\"exit_code\":0";
  private static final int WINDOW = 65_536;

  private final Client client = new Client();

  @Test
  void sendsAllOfItAndThenItsEnd() throws Exception {
    try (FakeServer server =
        new FakeServer(
            peer -> {
              assertTrue(peer.read().header().contains("\"stdin\":true"));
              peer.startedWithStdin();
              FakeServer.Sent first = peer.read();
              assertEquals(
                  "{\"type\":\"stdin\",\"job\":\"j\",\"offset\":0,\"total_size\":5}",
                  first.header());
              assertEquals("hello", first.text());
              assertEquals(
                  "{\"type\":\"stdin\",\"job\":\"j\",\"offset\":5,\"eof\":true,\"total_size\":0}",
                  peer.read().header());
              peer.end(OK);
            })) {
      assertEquals(0, client.stdin("hello").exec(server, "cat"), client.err());
    }
  }

  @Test
  void keepsWithinItsCredit() throws Exception {
    String upload = "0123456789abcdef".repeat(20_000);
    ByteArrayOutputStream received = new ByteArrayOutputStream();
    try (FakeServer server =
        new FakeServer(
            peer -> {
              var _ = peer.read();
              peer.startedWithStdin();
              long taken = 0;
              while (true) {
                // All of the credit is used, and not a byte more.
                while (received.size() < Math.min(taken + WINDOW, upload.length())) {
                  received.writeBytes(peer.read().body());
                }
                assertEquals(Math.min(taken + WINDOW, upload.length()), received.size());
                if (received.size() == upload.length()) {
                  break;
                }
                taken += 10_000;
                acknowledge(peer, taken);
              }
              assertTrue(peer.read().header().contains("\"eof\":true"));
              peer.end(OK);
            })) {
      assertEquals(0, client.stdin(upload).exec(server, "cat"), client.err());
    }
    assertEquals(upload, received.toString(StandardCharsets.UTF_8));
  }

  private static void acknowledge(FakeServer.Peer peer, long offset) throws IOException {
    peer.send(
        "\"type\":\"stdin_ack\",\"id\":\"run\",\"final\":false,\"job\":\"j\",\"offset\":" + offset);
  }

  @Test
  void stopsWhenTheCommandReadsNoMore() throws Exception {
    Pipe pipe = Pipe.open();
    try (Pipe.SinkChannel sink = pipe.sink();
        FakeServer server =
            new FakeServer(
                peer -> {
                  var _ = peer.read();
                  peer.startedWithStdin();
                  peer.send(
                      "\"type\":\"stdin_closed\",\"id\":\"run\",\"final\":false,\"job\":\"j\"");
                  peer.end(OK);
                  assertFalse(new String(peer.readToEnd(), StandardCharsets.UTF_8).contains("eof"));
                })) {
      assertTrue(sink.isOpen());
      assertEquals(0, client.stdin(pipe.source()).exec(server, "true"), client.err());
    }
  }

  @Test
  void neverEndsAnUploadThatBroke() throws Exception {
    try (FakeServer server =
        new FakeServer(
            peer -> {
              var _ = peer.read();
              peer.startedWithStdin();
              assertEquals("some", peer.read().text());
              assertTrue(peer.read().header().startsWith("{\"type\":\"cancel\""));
              peer.end("\"outcome\":\"canceled\",\"signal\":\"TERM\"");
            })) {
      assertEquals(255, client.stdin(broken("some")).exec(server, "cat"));
    }
    assertEquals("runnel: cannot read stdin: Input/output error\n", client.err());
  }

  // Even if the command was content with what it got.
  @Test
  void isNoSuccessWithoutAllOfItsInput() throws Exception {
    try (FakeServer server =
        new FakeServer(
            peer -> {
              var _ = peer.read();
              peer.startedWithStdin();
              assertEquals("some", peer.read().text());
              assertTrue(peer.read().header().startsWith("{\"type\":\"cancel\""));
              peer.end(OK);
            })) {
      assertEquals(255, client.stdin(broken("some")).exec(server, "cat"));
    }
  }

  private static ReadableByteChannel broken(String first) {
    return new ReadableByteChannel() {
      private boolean given;

      @Override
      public int read(ByteBuffer into) throws IOException {
        if (given) {
          throw new IOException("Input/output error");
        }
        given = true;
        into.put(first.getBytes(StandardCharsets.UTF_8));
        return first.length();
      }

      @Override
      public boolean isOpen() {
        return true;
      }

      @Override
      public void close() {}
    };
  }

  @Test
  void doesNotReadATerminalUnlessTold() throws Exception {
    assertFalse(runHeader(new Client(), "true").contains("stdin"));
    assertTrue(runHeader(new Client(), "--stdin", "true").contains("\"stdin\":true"));
    assertFalse(runHeader(new Client().stdin("x"), "-n", "true").contains("stdin"));
  }

  private static String runHeader(Client client, String... words) throws Exception {
    String[] header = new String[1];
    try (FakeServer server =
        new FakeServer(
            peer -> {
              header[0] = peer.read().header();
              peer.started();
              peer.end(OK);
            })) {
      assertEquals(0, client.exec(server, words), client.err());
    }
    return header[0];
  }

  @Test
  void givesAServerNothingThatWasNotOffered() throws Exception {
    try (FakeServer server =
        new FakeServer(
            peer -> {
              var _ = peer.read();
              peer.startedWithStdin();
              peer.end(OK);
              assertEquals(0, peer.readToEnd().length);
            })) {
      assertEquals(0, client.stdin("secret").exec(server, "-n", "true"), client.err());
    }
  }
}
