package dev.runnel.eventbus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.End;
import dev.runnel.model.JobId;
import dev.runnel.model.JobStatus;
import dev.runnel.model.Outcome;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.Message;
import io.vertx.core.eventbus.MessageConsumer;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Consumers on the event bus that go without a word, or stay and say nothing. */
class VanishedConsumerTest {
  private static final long PATIENCE_SECONDS = 30;
  private static final String ADDRESS = "my.follower";

  private final BusNode node =
      new BusNode(
          new EventBusTimeouts(
              Duration.ofMillis(50), Duration.ofSeconds(1), Duration.ofMillis(100)));
  private final Vertx vertx = node.vertx();

  @AfterEach
  void close() {
    node.close();
  }

  @Test
  void quietCommandsConsumerIsMissed() throws Exception {
    MessageConsumer<Object> consumer = consumer(message -> message.reply(null));
    JobId job = run("exec sleep 1000");
    await(consumer.unregister());
    assertEquals(Outcome.ABANDONED, outcome(job));
  }

  @Test
  void busyCommandsConsumerIsMissed() throws Exception {
    MessageConsumer<Object> consumer = consumer(message -> message.reply(null));
    JobId job = run("yes");
    await(consumer.unregister());
    assertEquals(Outcome.ABANDONED, outcome(job));
  }

  @Test
  void consumerThatSendsNoReceiptIsMissed() throws Exception {
    consumer(_ -> {});
    assertEquals(Outcome.ABANDONED, outcome(run("exec sleep 1000")));
  }

  @Test
  void quietConsumerThatSendsReceiptsStays() throws Exception {
    AtomicInteger probes = new AtomicInteger();
    consumer(
        message -> {
          message.reply(null);
          if (!message.headers().contains("frame")) {
            probes.incrementAndGet();
          }
        });
    JobId job = run("exec sleep 1000");
    until(() -> probes.get() >= 20);
    assertEquals(1, status(job).followers());
  }

  @Test
  void outputInSmallPiecesWaitsForReceipts() throws Exception {
    AtomicInteger unanswered = new AtomicInteger();
    consumer(
        message -> {
          if (frame(message).contains("\"output\"")) {
            unanswered.incrementAndGet();
          } else {
            message.reply(null);
          }
        });
    // Each byte is of another stream than the one before, and so a message of its own.
    JobId job = run("while :; do printf o; printf e >&2; done");
    assertEquals(Outcome.ABANDONED, outcome(job));
    assertTrue(unanswered.get() <= 64, () -> "messages: " + unanswered);
  }

  @Test
  void consumerThatDoesNotReadIsToldThatTheNodeWent() throws Exception {
    AtomicInteger told = new AtomicInteger();
    consumer(
        message -> {
          message.reply(null);
          if (frame(message).contains("\"unavailable\"")) {
            told.incrementAndGet();
          }
        });
    JobId job = run("yes");
    until(() -> status(job).outputBytes() > 300_000);
    node.close();
    assertEquals(1, told.get());
  }

  private MessageConsumer<Object> consumer(Handler<Message<Object>> handler) {
    MessageConsumer<Object> consumer = vertx.eventBus().consumer(ADDRESS, handler);
    await(consumer.completion());
    return consumer;
  }

  private static String frame(Message<Object> message) {
    return String.valueOf(message.headers().get("frame"));
  }

  private JobId run(String line) {
    DeliveryOptions options =
        new DeliveryOptions()
            .addHeader("frame", "{\"total_size\":" + line.length() + "}")
            .addHeader("follower", ADDRESS);
    Message<Object> accepted =
        await(vertx.eventBus().request("runnel", Buffer.buffer(line), options));
    return new JobId(String.valueOf(accepted.headers().get("job")));
  }

  private JobStatus status(JobId job) throws Exception {
    return node.registry().status(job);
  }

  private Outcome outcome(JobId job) throws Exception {
    until(() -> status(job).end() != null);
    End end = status(job).end();
    return end == null ? Outcome.LOST : end.outcome();
  }

  private interface Condition {
    boolean holds() throws Exception;
  }

  private static void until(Condition condition) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    while (!condition.holds()) {
      assertTrue(System.nanoTime() < deadline, "still not so");
      LockSupport.parkNanos(1_000_000);
    }
  }

  private static <T> T await(Future<T> future) {
    return future
        .toCompletionStage()
        .toCompletableFuture()
        .orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS)
        .join();
  }
}
