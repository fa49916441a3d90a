package dev.runnel.eventbus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.Message;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The contract on plain addresses, by a consumer made of Vert.x alone. */
@Tag("slow")
class PlainAddressTest {
  private static final long PATIENCE_SECONDS = 30;

  private static BusNode node;
  private static Vertx vertx;

  @BeforeAll
  static void open() {
    node = new BusNode();
    vertx = node.vertx();
  }

  @AfterAll
  static void close() {
    node.close();
  }

  /** Follows one job; acknowledges output only as far as it is told to. */
  private static final class Consumer {
    final String address = "my.follower." + System.nanoTime();
    final List<JsonObject> headers = new ArrayList<>();
    final Buffer output = Buffer.buffer();
    final Promise<JsonObject> end = Promise.promise();
    final long ackUpTo;

    Consumer(long ackUpTo) {
      this.ackUpTo = ackUpTo;
    }

    Future<Message<Object>> run(JsonObject header, String body) {
      return vertx
          .eventBus()
          .consumer(address, this::take)
          .completion()
          .compose(_ -> ask("runnel", header, Buffer.buffer(body)));
    }

    Future<Message<Object>> ask(String to, JsonObject header, Buffer body) {
      header.put("total_size", body.length());
      return vertx
          .eventBus()
          .request(
              to,
              body,
              new DeliveryOptions()
                  .addHeader("frame", header.encode())
                  .addHeader("follower", address));
    }

    private void take(Message<Object> message) {
      message.reply(null);
      String frame = message.headers().get("frame");
      if (frame == null) {
        return; // Only asked whether we are there.
      }
      JsonObject header = new JsonObject(frame);
      synchronized (headers) {
        headers.add(header);
      }
      if (header.getString("type").equals("output")) {
        output.appendBuffer((Buffer) message.body());
        if (output.length() <= ackUpTo) {
          var _ =
              ask(
                  nodeAddress(),
                  new JsonObject().put("type", "ack").put("offset", output.length()),
                  Buffer.buffer());
        }
      }
      if (header.getBoolean("final")) {
        end.complete(header);
      }
    }

    String nodeAddress() {
      synchronized (headers) {
        return "runnel." + headers.getFirst().getString("boot");
      }
    }
  }

  @Test
  void runsACommandAndFollowsIt() {
    Consumer consumer = new Consumer(Long.MAX_VALUE);
    Message<Object> accepted =
        await(consumer.run(new JsonObject().put("type", "run"), "seq 100000; exit 7"));
    JsonObject end = await(consumer.end.future());
    assertEquals(7, end.getInteger("exit_code"));
    assertEquals(accepted.headers().get("job"), end.getString("job"));
    assertEquals(100_000, consumer.output.toString().lines().count());
    assertEquals(consumer.output.length(), end.getJsonObject("stdout").getInteger("bytes"));
    assertEquals("started", consumer.headers.getFirst().getString("type"));
  }

  @Test
  void creditIsWhatWasAcknowledged() {
    Consumer consumer = new Consumer(0);
    JsonObject run = new JsonObject().put("type", "run").put("window", 2_000);
    var _ = await(consumer.run(run, "yes"));
    CommandBusTest.until(() -> consumer.output.length() == 2_000);
    // Nothing more comes: a later question is answered and still finds as much.
    var _ =
        await(
            consumer.ask(
                consumer.nodeAddress(), new JsonObject().put("type", "ping"), Buffer.buffer()));
    assertEquals(2_000, consumer.output.length());
    JsonObject cancel =
        new JsonObject()
            .put("type", "cancel")
            .put("job", consumer.headers.getFirst().getString("job"));
    var _ = await(consumer.ask(consumer.nodeAddress(), cancel, Buffer.buffer()));
  }

  @Test
  void stdinStatusJobsAndSignal() {
    Consumer consumer = new Consumer(Long.MAX_VALUE);
    JsonObject run = new JsonObject().put("type", "run").put("stdin", true).put("job", "plain-1");
    Message<Object> accepted = await(consumer.run(run, "cat; exec sleep 60"));
    String to = "runnel." + accepted.headers().get("boot");
    JsonObject stdin =
        new JsonObject()
            .put("type", "stdin")
            .put("job", "plain-1")
            .put("offset", 0)
            .put("eof", true);
    var _ = await(consumer.ask(to, stdin, Buffer.buffer("hello")));
    CommandBusTest.until(() -> consumer.output.toString().equals("hello"));
    JsonObject job = new JsonObject().put("type", "status").put("job", "plain-1");
    JsonObject status = header(await(consumer.ask(to, job, Buffer.buffer())));
    assertEquals("running", status.getString("state"));
    Message<Object> jobs =
        await(
            consumer.ask(
                to, new JsonObject().put("type", "jobs").put("prefix", "plain-"), Buffer.buffer()));
    assertEquals(1, new JsonArray((Buffer) jobs.body()).size());
    JsonObject signal =
        new JsonObject().put("type", "signal").put("job", "plain-1").put("signal", "KILL");
    assertEquals("ok", header(await(consumer.ask(to, signal, Buffer.buffer()))).getString("type"));
    assertEquals("KILL", await(consumer.end.future()).getString("signal"));
  }

  @Test
  void mistakesFailTheReplyAndNameTheError() {
    Consumer consumer = new Consumer(0);
    assertFails("bad_request", consumer.run(new JsonObject().put("tiemout_ms", 5), "true"));
    assertFails("unknown_type", new Consumer(0).run(new JsonObject().put("type", "jump"), ""));
    assertFails(
        "unknown_job",
        new Consumer(0).run(new JsonObject().put("type", "cancel").put("job", "none"), ""));
    assertFails("bad_frame", vertx.eventBus().request("runnel", Buffer.buffer("no frame at all")));
    assertFails(
        "bad_request",
        vertx
            .eventBus()
            .request(
                "runnel",
                Buffer.buffer("true"),
                new DeliveryOptions().addHeader("frame", "{\"total_size\":4}")));
  }

  private static void assertFails(String code, Future<?> reply) {
    CompletionException failure =
        Assertions.assertThrows(CompletionException.class, () -> await(reply));
    String message = String.valueOf(failure.getCause());
    assertTrue(message.contains(" " + code + ": "), message);
  }

  private static JsonObject header(Message<Object> message) {
    return new JsonObject(message.headers().get("frame"));
  }

  private static <T> T await(Future<T> future) {
    return future
        .toCompletionStage()
        .toCompletableFuture()
        .orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS)
        .join();
  }
}
