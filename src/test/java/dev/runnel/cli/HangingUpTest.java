package dev.runnel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.cli.FakeServer.Script;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;

/** Servers that hang up on a client again and again. */
@NullMarked
class HangingUpTest {
  private static final int TIMES = 7;
  private static final String OK = "\"outcome\":\"exited\",\"exit_code\":0";

  private final Client client = new Client();
  private final List<Long> came = new ArrayList<>();

  /** The time between the first connection and the last, in milliseconds. */
  private long play(Script each) throws Exception {
    List<Script> scripts = new ArrayList<>();
    for (int i = 0; i < TIMES; i++) {
      boolean last = i == TIMES - 1;
      scripts.add(
          peer -> {
            came.add(System.nanoTime());
            var _ = peer.greet();
            var _ = peer.read();
            each.play(peer);
            if (last) {
              peer.end(OK);
            }
          });
    }
    try (FakeServer server = new FakeServer(scripts.toArray(Script[]::new))) {
      assertEquals(
          0,
          client.run("exec", "-H", server.host(), "--job", "j", "--linger", "30s", "true"),
          client.err());
    }
    return (came.getLast() - came.getFirst()) / 1_000_000;
  }

  @Test
  void bringingNothingAreAskedLessAndLessOften() throws Exception {
    // After nothing, 50, 100, 200, 400 and 800 ms, or half of each.
    long millis = play(FakeServer.Peer::started);
    assertTrue(millis >= 500, () -> TIMES + " connections within " + millis + " ms");
  }
}
