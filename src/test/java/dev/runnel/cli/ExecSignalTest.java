package dev.runnel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;

/** What exec does about signals to itself and about readers of its output that leave. */
@NullMarked
class ExecSignalTest {
  private static final String INT =
      "{\"type\":\"signal\",\"id\":\"signal\",\"job\":\"j\",\"signal\":\"INT\",\"total_size\":0}";
  private static final String CANCEL =
      "{\"type\":\"cancel\",\"id\":\"cancel\",\"job\":\"j\",\"total_size\":0}";

  private final Client client = new Client();

  /** A server whose job has a name, which the client knows once it has printed an x. */
  private static FakeServer server(FakeServer.Script script) throws Exception {
    return new FakeServer(
        peer -> {
          var _ = peer.read();
          peer.started();
          peer.stdout("x");
          script.play(peer);
        });
  }

  @Test
  void theFirstInterruptGoesToTheCommand() throws Exception {
    try (FakeServer server =
        server(
            peer -> {
              assertEquals(INT, peer.read().header());
              peer.send("\"type\":\"ok\",\"id\":\"signal\",\"final\":true,\"state\":\"running\"");
              peer.end("\"outcome\":\"signaled\",\"signal\":\"INT\"");
            })) {
      CompletableFuture<Integer> code = client.start(server, "sleep", "99");
      client.awaitOut("x");
      client.raise("INT");
      assertEquals(130, code.get(30, TimeUnit.SECONDS));
    }
  }

  @Test
  void aCommandThatHandlesTheInterruptGivesItsCode() throws Exception {
    try (FakeServer server =
        server(
            peer -> {
              assertEquals(INT, peer.read().header());
              peer.end("\"outcome\":\"exited\",\"exit_code\":7");
            })) {
      CompletableFuture<Integer> code = client.start(server, "trapper");
      client.awaitOut("x");
      client.raise("INT");
      assertEquals(7, code.get(30, TimeUnit.SECONDS));
    }
  }

  @Test
  void theSecondInterruptCancels() throws Exception {
    CountDownLatch first = new CountDownLatch(1);
    try (FakeServer server =
        server(
            peer -> {
              assertEquals(INT, peer.read().header());
              first.countDown();
              assertEquals(CANCEL, peer.read().header());
              peer.end("\"outcome\":\"canceled\",\"signal\":\"KILL\"");
            })) {
      CompletableFuture<Integer> code = client.start(server, "stubborn");
      client.awaitOut("x");
      client.raise("INT");
      assertTrue(first.await(30, TimeUnit.SECONDS));
      client.raise("INT");
      assertEquals(130, code.get(30, TimeUnit.SECONDS));
    }
    assertEquals("runnel: canceled\n", client.err());
  }

  @Test
  void aThirdInterruptWaitsForNothing() throws Exception {
    CountDownLatch canceled = new CountDownLatch(1);
    CountDownLatch left = new CountDownLatch(1);
    try (FakeServer server =
        server(
            peer -> {
              assertEquals(INT, peer.read().header());
              assertEquals(CANCEL, peer.read().header());
              canceled.countDown();
              assertTrue(left.await(30, TimeUnit.SECONDS));
            })) {
      CompletableFuture<Integer> code = client.start(server, "stubborn");
      client.awaitOut("x");
      client.raise("INT");
      client.raise("INT");
      assertTrue(canceled.await(30, TimeUnit.SECONDS));
      client.raise("INT");
      assertEquals(130, client.halted());
      left.countDown();
      assertEquals(130, code.get(30, TimeUnit.SECONDS));
    }
    assertEquals("", client.err());
  }

  @Test
  void anInterruptBeforeTheJobHasANameWaitsForIt() throws Exception {
    CountDownLatch asked = new CountDownLatch(1);
    CountDownLatch interrupted = new CountDownLatch(1);
    try (FakeServer server =
        new FakeServer(
            peer -> {
              var _ = peer.read();
              asked.countDown();
              assertTrue(interrupted.await(30, TimeUnit.SECONDS));
              peer.started();
              assertEquals(INT, peer.read().header());
              peer.end("\"outcome\":\"signaled\",\"signal\":\"INT\"");
            })) {
      CompletableFuture<Integer> code = client.start(server, "sleep", "99");
      assertTrue(asked.await(30, TimeUnit.SECONDS));
      client.raise("INT");
      interrupted.countDown();
      assertEquals(130, code.get(30, TimeUnit.SECONDS));
    }
  }

  @Test
  void aSecondOneBeforeThatWaitsForNothing() throws Exception {
    CountDownLatch asked = new CountDownLatch(1);
    CountDownLatch left = new CountDownLatch(1);
    try (FakeServer server =
        new FakeServer(
            peer -> {
              var _ = peer.read();
              asked.countDown();
              assertTrue(left.await(30, TimeUnit.SECONDS));
            })) {
      CompletableFuture<Integer> code = client.start(server, "sleep", "99");
      assertTrue(asked.await(30, TimeUnit.SECONDS));
      client.raise("INT");
      client.raise("INT");
      assertEquals(130, client.halted());
      left.countDown();
      assertEquals(130, code.get(30, TimeUnit.SECONDS));
    }
  }

  private static String quit(int number) {
    return INT.replace("\"id\":\"signal\"", "\"id\":\"quit-" + number + "\"")
        .replace("\"INT\"", "\"QUIT\"");
  }

  @Test
  void everyQuitGoesToTheCommandAndEndsNothingElse() throws Exception {
    CountDownLatch first = new CountDownLatch(1);
    try (FakeServer server =
        server(
            peer -> {
              assertEquals(quit(1), peer.read().header());
              first.countDown();
              assertEquals(quit(2), peer.read().header());
              assertEquals(quit(3), peer.read().header());
              peer.end("\"outcome\":\"exited\",\"exit_code\":7");
            })) {
      CompletableFuture<Integer> code = client.start(server, "trapper");
      client.awaitOut("x");
      client.raise("QUIT");
      assertTrue(first.await(30, TimeUnit.SECONDS));
      client.raise("QUIT");
      client.raise("QUIT");
      assertEquals(7, code.get(30, TimeUnit.SECONDS));
    }
    assertEquals("", client.err());
  }

  @Test
  void aQuitBeforeTheJobHasANameWaitsForItAndASecondOneForNothing() throws Exception {
    CountDownLatch asked = new CountDownLatch(1);
    CountDownLatch raised = new CountDownLatch(1);
    try (FakeServer server =
        new FakeServer(
            peer -> {
              var _ = peer.read();
              asked.countDown();
              assertTrue(raised.await(30, TimeUnit.SECONDS));
              peer.started();
              assertEquals(quit(1), peer.read().header());
              peer.end("\"outcome\":\"signaled\",\"signal\":\"QUIT\"");
            })) {
      CompletableFuture<Integer> code = client.start(server, "sleep", "99");
      assertTrue(asked.await(30, TimeUnit.SECONDS));
      client.raise("QUIT");
      raised.countDown();
      assertEquals(131, code.get(30, TimeUnit.SECONDS));
    }
    CountDownLatch left = new CountDownLatch(1);
    CountDownLatch askedAgain = new CountDownLatch(1);
    Client other = new Client();
    try (FakeServer server =
        new FakeServer(
            peer -> {
              var _ = peer.read();
              askedAgain.countDown();
              assertTrue(left.await(30, TimeUnit.SECONDS));
            })) {
      CompletableFuture<Integer> code = other.start(server, "sleep", "99");
      assertTrue(askedAgain.await(30, TimeUnit.SECONDS));
      other.raise("QUIT");
      other.raise("QUIT");
      assertEquals(131, other.halted());
      left.countDown();
      assertEquals(131, code.get(30, TimeUnit.SECONDS));
    }
  }

  @Test
  void termAndHupCancelAndEndUs() throws Exception {
    for (String name : new String[] {"TERM", "HUP"}) {
      Client one = new Client();
      CountDownLatch left = new CountDownLatch(1);
      try (FakeServer server =
          server(
              peer -> {
                assertEquals(CANCEL, peer.read().header());
                assertTrue(left.await(30, TimeUnit.SECONDS));
              })) {
        CompletableFuture<Integer> code = one.start(server, "sleep", "99");
        one.awaitOut("x");
        one.raise(name);
        int expected = name.equals("TERM") ? 143 : 129;
        assertEquals(expected, one.halted());
        left.countDown();
        assertEquals(expected, code.get(30, TimeUnit.SECONDS));
      }
    }
  }

  @Test
  void aReaderThatLeftEndsTheCommandQuietly() throws Exception {
    try (FakeServer server =
        server(
            peer -> {
              assertEquals(CANCEL, peer.read().header());
            })) {
      assertEquals(141, client.brokenStdout("Broken pipe").exec(server, "yes"));
    }
    assertEquals("", client.err());
  }

  @Test
  void aFullDiskIsAFailure() throws Exception {
    try (FakeServer server =
        server(
            peer -> {
              assertEquals(CANCEL, peer.read().header());
            })) {
      assertEquals(255, client.brokenStdout("No space left on device").exec(server, "yes"));
    }
    assertEquals("runnel: cannot write to stdout: No space left on device\n", client.err());
  }
}
