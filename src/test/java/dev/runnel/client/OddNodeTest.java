package dev.runnel.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.api.CommandException;
import dev.runnel.api.Commands;
import dev.runnel.api.CommandsContract;
import dev.runnel.api.JobHandle;
import dev.runnel.client.FakeNode.Peer;
import dev.runnel.model.JobId;
import dev.runnel.model.JobSpec;
import dev.runnel.model.Labels;
import dev.runnel.model.Request;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a node that is broken, or means harm, can't do to its clients. */
class OddNodeTest {
  private static final JobId JOB = new JobId("j");
  private static final String STATUS =
      "{\"job\":\"j\",\"state\":\"running\",\"principal\":\"p\",\"command\":\"c\",\"pid\":7,"
          + "\"output_bytes\":0,\"followers\":0}";

  private final Vertx vertx = Vertx.vertx();

  @AfterEach
  void close() {
    await(vertx.close());
  }

  @Test
  void outputBeyondItsCreditEndsTheJobInsteadOfFillingTheMemory() throws Exception {
    CompletableFuture<String> canceled = new CompletableFuture<>();
    try (FakeNode node =
        FakeNode.tcp(
            peer -> {
              String id = peer.greet();
              peer.started(id);
              for (int i = 0; i < 4; i++) {
                peer.output(id, i * 1_024L, 1_024);
              }
              canceled.complete(peer.await("cancel"));
            })) {
      JobSpec paced = CommandsContract.shell("x").withWindow(OptionalLong.of(1_024));
      JobHandle job = await(client(node).run(paced));
      assertEquals(
          "the node sent more than its credit: 4096 bytes are unread (limit: 3072)",
          failure(job.end()).getMessage());
      assertTrue(canceled.get(30, TimeUnit.SECONDS).contains("\"job\":\"j\""));
    }
  }

  @Test
  void emptyOutputIsNotKept() throws Exception {
    try (FakeNode node =
        FakeNode.tcp(
            peer -> {
              String id = peer.greet();
              peer.started(id);
              peer.output(id, 0, 0);
              peer.output(id, 0, 1);
              peer.await("nothing");
            })) {
      JobHandle job = await(client(node).run(CommandsContract.shell("x")));
      Promise<Buffer> first = Promise.promise();
      CommandsContract.onContext(() -> job.stdout().handler(first::tryComplete), job);
      assertEquals("x", await(first.future()).toString());
    }
  }

  @Test
  void silentNodeIsNotWaitedForForEver(@TempDir Path folder) throws Exception {
    Path path = folder.resolve("socket");
    try (FakeNode node = FakeNode.unix(path, peer -> peer.await("nothing"))) {
      assertTrue(node.accepted().isEmpty());
      Commands silent =
          CommandClient.of(
              vertx, ClientOptions.unix("" + path).withConnectTimeout(Duration.ofMillis(100)));
      String why = "unix:" + path + " did not answer within 100 ms";
      assertEquals(why, failure(silent.status(JOB)).getMessage());
      assertEquals(why, failure(silent.jobs()).getMessage());
    }
  }

  @Test
  void listIsNoLongerThanWasAskedFor() throws Exception {
    try (FakeNode node = FakeNode.tcp(peer -> list(peer, "[" + STATUS + "," + STATUS + "]"))) {
      assertEquals(
          2, await(client(node).jobs(new Request.Jobs(null, null, Labels.NONE, 2))).size());
      assertEquals(
          name(node) + " sent 2 statuses (limit: 1)",
          failure(client(node).jobs(new Request.Jobs(null, null, Labels.NONE, 1))).getMessage());
    }
  }

  @Test
  void statusThatIsNoneIsAFailureLikeAnyOther() throws Exception {
    try (FakeNode node = FakeNode.tcp(peer -> list(peer, "[]"))) {
      assertEquals(name(node) + " sent no status", failure(client(node).status(JOB)).getMessage());
    }
  }

  private static void list(Peer peer, String statuses) throws IOException {
    String id = peer.greet();
    peer.send("\"type\":\"jobs\",\"id\":\"" + id + "\",\"final\":true", statuses);
    peer.await("nothing");
  }

  @Test
  void whoPingsAndDoesNotReadIsNotAnsweredWithoutBound() throws Exception {
    int pings = 400_000;
    CompletableFuture<Integer> pongs = new CompletableFuture<>();
    try (FakeNode node =
        FakeNode.tcp(
            peer -> {
              String id = peer.greet();
              peer.started(id);
              byte[] ping = Peer.frame("\"type\":\"ping\",\"final\":false", "");
              ByteArrayOutputStream some = new ByteArrayOutputStream();
              for (int i = 0; i < 1_000; i++) {
                some.writeBytes(ping);
              }
              for (int i = 0; i < pings / 1_000; i++) {
                peer.raw(some.toByteArray());
              }
              peer.output(id, 0, 1);
              int count = 0;
              for (String header = peer.read(); !header.contains("\"ack\""); header = peer.read()) {
                count += header.contains("\"pong\"") ? 1 : 0;
              }
              pongs.complete(count);
            })) {
      JobHandle job = await(client(node).run(CommandsContract.shell("x")));
      CommandsContract.onContext(job::discardOutput, job);
      int answered = pongs.get(60, TimeUnit.SECONDS);
      assertTrue(answered > 0 && answered < pings, () -> "pongs: " + answered);
    }
  }

  @Test
  void nodeThatAlwaysHangsUpIsComeBackToLessAndLessOften() throws Exception {
    try (FakeNode node = FakeNode.tcp(peer -> peer.started(peer.greet()))) {
      JobHandle job = await(client(node).run(CommandsContract.shell("x")));
      CommandsContract.until(() -> node.accepted().size() >= 7);
      // After nothing, 50, 100, 200, 400 and 800 ms, or half of each.
      long millis = (node.accepted().get(6) - node.accepted().get(0)) / 1_000_000;
      assertTrue(millis >= 500, () -> "seven connections within " + millis + " ms");
      assertFalse(job.end().isComplete());
    }
  }

  @Test
  void nodeIsAskedToLookAsOftenAsItWould() throws Exception {
    Map<Duration, String> asked =
        Map.of(
            Duration.ofMillis(100), "1000",
            Duration.ofSeconds(7), "7000",
            Duration.ofHours(2), "3600000");
    BlockingQueue<String> hellos = new LinkedBlockingQueue<>();
    try (FakeNode node = FakeNode.tcp(peer -> hellos.add(peer.read()))) {
      for (Map.Entry<Duration, String> each : asked.entrySet()) {
        ClientOptions there = node.options().withHeartbeat(each.getKey());
        var _ = failure(CommandClient.of(vertx, there).status(JOB));
        String hello = String.valueOf(hellos.poll(30, TimeUnit.SECONDS));
        assertTrue(hello.contains("\"heartbeat_ms\":" + each.getValue() + ","), hello);
      }
    }
  }

  private Commands client(FakeNode node) throws Exception {
    return CommandClient.of(vertx, node.options());
  }

  private static String name(FakeNode node) throws Exception {
    return node.options().name();
  }

  private static CommandException failure(Future<?> future) {
    CompletionException failure = assertThrows(CompletionException.class, () -> await(future));
    return assertInstanceOf(CommandException.class, failure.getCause());
  }

  private static <T> T await(Future<T> future) {
    return CommandsContract.await(future);
  }
}
