package dev.runnel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;

/** A server that has no place for one more connection, and says so before it is asked anything. */
@NullMarked
class FullServerTest {
  private static final FakeServer.Script FULL =
      peer -> {
        peer.send(
            "\"type\":\"error\",\"final\":true,\"code\":\"too_many_connections\","
                + "\"message\":\"connections: limit: 1\",\"close\":true");
        var _ = peer.readToEnd();
      };

  private final Client client = new Client();

  private int exec(FakeServer server) {
    return client.run("exec", "-H", server.host(), "--job", "j", "--linger", "30s", "true");
  }

  @Test
  void isAskedAgainByWhoHasAJobThere() throws Exception {
    try (FakeServer server =
        new FakeServer(
            peer -> {
              var _ = peer.greet();
              var _ = peer.read();
              peer.started();
              peer.stdout("12345");
            },
            FULL,
            FULL,
            peer -> {
              var _ = peer.greet();
              String attach = peer.read().header();
              assertTrue(attach.contains("\"from\":5,"), attach);
              peer.resume("12345");
              peer.stdout("678");
              peer.end("\"outcome\":\"exited\",\"exit_code\":7");
            })) {
      assertEquals(7, exec(server), client.err());
    }
    assertEquals("12345678", client.out());
    assertEquals("", client.err());
  }

  @Test
  void turnsAwayWhoHasNone() throws Exception {
    try (FakeServer server = new FakeServer(FULL)) {
      assertEquals(255, exec(server));
    }
    assertTrue(client.err().contains("connections: limit: 1"), client.err());
  }
}
