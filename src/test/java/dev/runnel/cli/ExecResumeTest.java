package dev.runnel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.wire.RawFrames;
import java.nio.ByteBuffer;
import java.nio.channels.Pipe;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;

/** How exec goes on after it lost its connection, and when it does not. */
@NullMarked
class ExecResumeTest {
  private static final String OK = "\"outcome\":\"exited\",\"exit_code\":0";
  private static final String CANCELED = "\"outcome\":\"canceled\",\"signal\":\"TERM\"";

  private final Client client = new Client();

  private static String[] words(FakeServer server, String... words) {
    List<String> all = new ArrayList<>(List.of("exec", "-H", server.host(), "--job", "j"));
    all.addAll(List.of("--linger", "30s"));
    all.addAll(List.of(words));
    return all.toArray(String[]::new);
  }

  private int exec(FakeServer server, String... words) {
    return client.run(words(server, words));
  }

  private CompletableFuture<Integer> start(FakeServer server, String... words) {
    return CompletableFuture.supplyAsync(() -> exec(server, words));
  }

  /** The first connection: a job that printed 12345. */
  private static void begin(FakeServer.Peer peer) throws Exception {
    var _ = peer.greet();
    var _ = peer.read();
    peer.started();
    peer.stdout("12345");
  }

  private static void error(FakeServer.Peer peer, String code) throws Exception {
    peer.send(
        "\"type\":\"error\",\"id\":\"run\",\"final\":true,\"code\":\""
            + code
            + "\",\"message\":\"no\"");
  }

  @Test
  void answersTheServersHeartbeats() throws Exception {
    try (FakeServer server =
        new FakeServer(
            peer -> {
              String hello = peer.greet().header();
              assertTrue(hello.contains("\"heartbeat_ms\":2000,"), hello);
              var _ = peer.read();
              peer.started();
              peer.send("\"type\":\"ping\",\"final\":false");
              assertEquals("{\"type\":\"pong\",\"total_size\":0}", peer.await("pong").header());
              peer.end(OK);
            })) {
      assertEquals(0, exec(server, "--heartbeat", "2s", "true"), client.err());
    }
  }

  // Whoever is stopped answers nothing.
  @Test
  void isAskedHourlyUnlessSomebodyWantsItOtherwise() throws Exception {
    Map<String, String> asked = Map.of("10s", "10000", "100ms", "1000", "2h", "3600000");
    try (FakeServer server = new FakeServer(greeted("3600000"))) {
      assertEquals(0, exec(server, "true"), client.err());
    }
    for (Map.Entry<String, String> each : asked.entrySet()) {
      try (FakeServer server = new FakeServer(greeted(each.getValue()))) {
        assertEquals(0, exec(server, "--heartbeat", each.getKey(), "true"), client.err());
      }
    }
  }

  private static FakeServer.Script greeted(String heartbeatMillis) {
    return peer -> {
      String hello = peer.greet().header();
      assertTrue(hello.contains("\"heartbeat_ms\":" + heartbeatMillis + ","), hello);
      var _ = peer.read();
      peer.started();
      peer.end(OK);
    };
  }

  @Test
  void namesItsJobSoThatItCanComeBack() throws Exception {
    try (FakeServer server =
        new FakeServer(
            peer -> {
              var _ = peer.greet();
              String run = peer.read().header();
              assertTrue(
                  run.matches(".*\"job\":\"[0-9a-z]{16}\",\"once\":\"[0-9a-z]{26}\".*"), run);
              assertTrue(run.contains("\"linger_ms\":30000"), run);
              assertTrue(run.contains("\"window\":1048576"), run);
              String job = run.replaceAll(".*(\"job\":\"[0-9a-z]{16}\").*", "$1");
              peer.send(FakeServer.STARTED.replace("\"job\":\"j\"", job));
              peer.send(
                  "\"type\":\"end\",\"id\":\"run\",\"final\":true,"
                      + job
                      + ","
                      + OK
                      + ",\"stdout\":{\"bytes\":0,\"crc32\":0}"
                      + ",\"stderr\":{\"bytes\":0,\"crc32\":0},\"output_bytes\":0");
            })) {
      assertEquals(
          0, client.run("exec", "-H", server.host(), "--linger", "30s", "true"), client.err());
    }
  }

  @Test
  void goesOnAfterTheLastByteItHas() throws Exception {
    try (FakeServer server =
        new FakeServer(
            ExecResumeTest::begin,
            peer -> {
              var _ = peer.greet();
              assertEquals(
                  "{\"type\":\"attach\",\"id\":\"run\",\"job\":\"j\",\"boot\":\"b\",\"from\":5,"
                      + "\"window\":1048576,\"runner\":true,\"total_size\":0}",
                  peer.read().header());
              peer.resume("12345");
              peer.stdout("678");
            },
            peer -> {
              var _ = peer.greet();
              assertTrue(peer.read().header().contains("\"from\":8"));
              peer.resume("12345678");
              peer.stdout("9");
              peer.end("\"outcome\":\"exited\",\"exit_code\":7");
            })) {
      assertEquals(7, exec(server, "true"), client.err());
    }
    assertEquals("123456789", client.out());
    assertEquals("", client.err());
  }

  @Test
  void givesUpAServerThatNeverSaysAWord() throws Exception {
    try (FakeServer server =
        new FakeServer(FakeServer.Peer::read, FakeServer.Peer::read, FakeServer.Peer::read)) {
      assertEquals(255, exec(server, "true"));
      assertEquals(
          "runnel: "
              + server.host()
              + " closed the connection without an answer (does it expect --tls?);"
              + " nothing was run\n",
          client.err());
    }
  }

  @Test
  void bearsANetworkThatIsSilentFromTheStart() throws Exception {
    FakeServer.Script silence = FakeServer.Peer::readToEnd;
    try (FakeServer server =
        new FakeServer(
            silence,
            silence,
            silence,
            peer -> {
              var _ = peer.greet();
              var _ = peer.read();
              peer.started();
              peer.end(OK);
            })) {
      assertEquals(0, exec(server, "--heartbeat", "100ms", "true"), client.err());
    }
  }

  @Test
  void countsWhatCameOverEveryConnection() throws Exception {
    try (FakeServer server =
        new FakeServer(
            ExecResumeTest::begin,
            peer -> {
              var _ = peer.greet();
              var _ = peer.read();
              peer.resume("1234x");
              peer.stdout("678");
              peer.end(OK);
            })) {
      assertEquals(255, exec(server, "true"));
    }
    assertTrue(client.err().contains("CRC-32"), client.err());
  }

  @Test
  void sendsAgainTheStdinThatWasNotTaken() throws Exception {
    Pipe pipe = Pipe.open();
    Pipe.SinkChannel sink = pipe.sink();
    try (FakeServer server =
        new FakeServer(
            peer -> {
              var _ = peer.greet();
              var _ = peer.read();
              peer.startedWithStdin();
              assertEquals("hello", peer.await("stdin").text());
              peer.stdinAck(2);
              peer.stdout("x");
            },
            peer -> {
              var _ = peer.greet();
              assertTrue(peer.read().header().startsWith("{\"type\":\"attach\""));
              peer.resume("x");
              FakeServer.Sent sent = peer.await("stdin");
              assertTrue(sent.header().contains("\"offset\":2,"), sent.header());
              assertEquals("llo", sent.text());
              peer.stdout("y");
              sent = peer.await("stdin");
              assertTrue(sent.header().contains("\"offset\":5,"), sent.header());
              assertEquals("again", sent.text());
            },
            peer -> {
              var _ = peer.greet();
              var _ = peer.read();
              peer.resume("xy");
              // It had taken more than it could say: what came twice changes nothing.
              FakeServer.Sent sent = peer.await("stdin");
              assertTrue(sent.header().contains("\"offset\":2,"), sent.header());
              peer.stdinAck(10);
              sent = peer.await("stdin");
              assertTrue(sent.header().contains("\"offset\":10,\"eof\":true"), sent.header());
              peer.end(OK);
            })) {
      client.stdin(pipe.source());
      CompletableFuture<Integer> code = start(server, "cat");
      write(sink, "hello");
      client.awaitOut("xy");
      write(sink, "again");
      // The third connection comes when the second is closed, which has read all of it.
      sink.close();
      assertEquals(0, code.get(30, TimeUnit.SECONDS), client.err());
    }
  }

  private static void write(Pipe.SinkChannel sink, String text) throws Exception {
    var _ = sink.write(ByteBuffer.wrap(RawFrames.utf8(text)));
  }

  @Test
  void sendsTheEndOfStdinAgain() throws Exception {
    try (FakeServer server =
        new FakeServer(
            peer -> {
              var _ = peer.greet();
              var _ = peer.read();
              peer.startedWithStdin();
              assertEquals("hello", peer.read().text());
              assertTrue(peer.read().header().contains("\"eof\":true"));
            },
            peer -> {
              var _ = peer.greet();
              var _ = peer.read();
              peer.resume("");
              assertEquals("hello", peer.read().text());
              assertTrue(peer.read().header().contains("\"eof\":true"));
              peer.end(OK);
            })) {
      client.stdin("hello");
      assertEquals(0, exec(server, "cat"), client.err());
    }
  }

  @Test
  void asksForTheSameRunIfNothingWasSaidOfIt() throws Exception {
    String[] first = new String[1];
    try (FakeServer server =
        new FakeServer(
            peer -> {
              var _ = peer.greet();
              first[0] = peer.read().header();
            },
            peer -> {
              var _ = peer.greet();
              assertEquals(
                  first[0].replace(",\"linger_ms\"", ",\"boot\":\"b\",\"linger_ms\""),
                  peer.read().header());
              peer.started();
              peer.end(OK);
            })) {
      assertEquals(0, exec(server, "true"), client.err());
    }
  }

  // It was not asked for anything then.
  @Test
  void runsItElsewhereIfTheServerHadNotEvenSaidWhoItIs() throws Exception {
    try (FakeServer server =
        new FakeServer(
            FakeServer.Peer::read,
            peer -> {
              var _ = peer.read();
              peer.send(
                  "\"type\":\"error\",\"final\":true,\"code\":\"too_slow\","
                      + "\"message\":\"10 s\",\"close\":true");
            },
            peer -> {
              var _ = peer.greet("other");
              String run = peer.read().header();
              assertTrue(run.contains("\"once\"") && !run.contains("\"boot\""), run);
              peer.send(FakeServer.STARTED.replace("\"boot\":\"b\"", "\"boot\":\"other\""));
              peer.end(OK);
            })) {
      assertEquals(0, exec(server, "true"), client.err());
    }
  }

  @Test
  void anotherLifeOfTheServerIsAFailure() throws Exception {
    try (FakeServer server =
        new FakeServer(
            ExecResumeTest::begin,
            peer -> {
              var _ = peer.greet("other");
              var _ = peer.readToEnd();
            })) {
      assertEquals(255, exec(server, "true"));
    }
    assertEquals("12345", client.out());
    assertTrue(
        client.err().endsWith("was started anew; what became of the job is not known\n"),
        client.err());
  }

  @Test
  void aJobThatIsForgottenIsAFailure() throws Exception {
    try (FakeServer server =
        new FakeServer(
            ExecResumeTest::begin,
            peer -> {
              var _ = peer.greet();
              error(peer, "unknown_job");
              // And it is left alone.
              assertFalse(new String(peer.readToEnd(), StandardCharsets.UTF_8).contains("cancel"));
            })) {
      assertEquals(255, exec(server, "true"));
    }
    assertTrue(client.err().contains("does not know the job any more"), client.err());
  }

  @Test
  void aServerThatIsBusyIsAskedAgain() throws Exception {
    try (FakeServer server =
        new FakeServer(
            ExecResumeTest::begin,
            peer -> {
              var _ = peer.greet();
              error(peer, "unavailable");
              var _ = peer.readToEnd();
            },
            peer -> {
              var _ = peer.greet();
              var _ = peer.read();
              peer.resume("12345");
              peer.end(OK);
            })) {
      assertEquals(0, exec(server, "true"), client.err());
    }
  }

  @Test
  void aJobThatAnotherTookOverIsLeftAlone() throws Exception {
    try (FakeServer server =
        new FakeServer(
            peer -> {
              begin(peer);
              peer.send(
                  "\"type\":\"detached\",\"id\":\"run\",\"final\":true,\"reason\":\"replaced\"");
              assertFalse(new String(peer.readToEnd(), StandardCharsets.UTF_8).contains("cancel"));
            })) {
      assertEquals(255, exec(server, "true"));
    }
    assertTrue(client.err().contains("another client took the job over"), client.err());
  }

  @Test
  void givesUpWhenTheJobIsAbandonedThere() throws Exception {
    try (FakeServer server = new FakeServer(ExecResumeTest::begin)) {
      assertEquals(255, exec(server, "--linger", "1200ms", "true"));
      String err = client.err();
      assertTrue(
          err.startsWith("runnel: connection to " + server.host() + " lost; trying again for "),
          err);
      assertTrue(err.contains("none came about within 1200ms; the command's end is not"), err);
    }
  }

  @Test
  void whatWasAskedOfTheJobIsAskedAgain() throws Exception {
    CountDownLatch interrupted = new CountDownLatch(1);
    try (FakeServer server =
        new FakeServer(
            peer -> {
              begin(peer);
              assertTrue(peer.read().header().contains("\"signal\":\"INT\""));
            },
            peer -> {
              var _ = peer.greet();
              assertTrue(peer.read().header().startsWith("{\"type\":\"attach\""));
              peer.resume("12345");
              assertTrue(peer.read().header().contains("\"signal\":\"INT\""));
              peer.send("\"type\":\"ok\",\"id\":\"signal\",\"final\":true,\"state\":\"running\"");
              interrupted.countDown();
              assertTrue(peer.read().header().startsWith("{\"type\":\"cancel\""));
              peer.end(CANCELED);
            })) {
      CompletableFuture<Integer> code = start(server, "sleep", "99");
      client.awaitOut("12345");
      client.raise("INT");
      assertTrue(interrupted.await(30, TimeUnit.SECONDS));
      client.raise("INT");
      assertEquals(130, code.get(30, TimeUnit.SECONDS), client.err());
    }
  }

  @Test
  void noticesASilentServer() throws Exception {
    CountDownLatch resumed = new CountDownLatch(1);
    try (FakeServer server =
        new FakeServer(
            peer -> {
              begin(peer);
              // Pings come, and are not answered.
              assertTrue(peer.read().header().startsWith("{\"type\":\"ping\""));
              var _ = peer.readToEnd();
            },
            peer -> {
              var _ = peer.greet();
              var _ = peer.await("attach");
              peer.resume("12345");
              peer.end(OK);
              resumed.countDown();
            })) {
      assertEquals(0, exec(server, "--heartbeat", "100ms", "true"), client.err());
    }
    assertTrue(resumed.await(30, TimeUnit.SECONDS));
  }

  // As under | less: the server must hear of us, and we of it.
  @Test
  void readsOnWhileItsOutputIsBlocked() throws Exception {
    Pipe stdout = Pipe.open();
    CountDownLatch pinged = new CountDownLatch(1);
    String much = "0123456789abcdef".repeat(8_000);
    try (Pipe.SourceChannel source = stdout.source();
        Pipe.SinkChannel sink = stdout.sink();
        FakeServer server =
            new FakeServer(
                peer -> {
                  var _ = peer.greet();
                  var _ = peer.read();
                  peer.started();
                  for (int i = 0; i < 8; i++) {
                    peer.stdout(much);
                  }
                  // Nobody reads, and the credit is used up: pings come all the same.
                  for (int i = 0; i < 3; i++) {
                    peer.send("\"type\":\"pong\",\"id\":\"ping\",\"final\":true");
                    assertTrue(peer.await("ping").header().contains("\"id\":\"ping\""));
                  }
                  pinged.countDown();
                  peer.stdout("done");
                  peer.end(OK);
                  var _ = peer.readToEnd();
                })) {
      client.stdout(sink);
      CompletableFuture<Integer> code = start(server, "--heartbeat", "100ms", "cat");
      assertTrue(pinged.await(30, TimeUnit.SECONDS));
      assertFalse(code.isDone());
      ByteBuffer into = ByteBuffer.allocate(65_536);
      int total = 0;
      while (total < 8 * much.length() + 4) {
        total += source.read(into.clear());
      }
      assertEquals(0, code.get(30, TimeUnit.SECONDS), client.err());
    }
  }
}
