package dev.runnel.service;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.runnel.api.JobHandle;
import dev.runnel.eventbus.BusNode;
import dev.runnel.eventbus.CommandBus;
import dev.runnel.job.JobOrigin;
import dev.runnel.job.RejectedException;
import dev.runnel.model.Caller;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.ErrorCode;
import dev.runnel.model.JobId;
import dev.runnel.model.JobSpec;
import dev.runnel.model.Request;
import dev.runnel.settings.PolicyFile;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.Message;
import io.vertx.core.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The event bus is no side door: a verticle is a principal like any other. */
class BusPolicyTest {
  private static <T> T await(Future<T> future) {
    return future.toCompletionStage().toCompletableFuture().orTimeout(30, TimeUnit.SECONDS).join();
  }

  private static String failure(Future<?> future) {
    CompletionException failed = assertThrows(CompletionException.class, () -> await(future));
    return String.valueOf(Objects.requireNonNull(failed.getCause()).getMessage());
  }

  @Test
  void policyCountsForVerticlesToo(@TempDir Path folder) throws Exception {
    Path file =
        Files.writeString(
            folder.resolve("policy.yaml"),
            "rules: [{name: ours, principals: [bus], commands: [[echo, '*']]}]");
    try (BusNode node = new BusNode()) {
      node.guard().adopt(PolicyFile.read(file));
      CommandBus commands = CommandBus.of(node.vertx());
      await(commands.run(JobSpec.of(CommandSpec.of("echo", "x"))).compose(JobHandle::end));
      assertEquals(
          "forbidden: no rule of the policy lets bus run this command",
          failure(commands.run(JobSpec.of(CommandSpec.of("id")))));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"status", "cancel", "signal"})
  void jobOfAnotherPrincipalIsNotKnownOnTheBus(String type) throws Exception {
    try (BusNode node = new BusNode()) {
      JobId job = new JobId("hers");
      var hers =
          node.registry()
              .register(
                  new Request.Run(job, JobSpec.of(CommandSpec.of("true"))),
                  JobOrigin.of(new Caller("alice", "192.0.2.1", Caller.Via.TCP)))
              .job();
      JsonObject header = new JsonObject().put("type", type).put("job", "hers");
      if (type.equals("signal")) {
        header.put("signal", "KILL");
      }
      header.put("total_size", 0);
      Future<Message<Buffer>> asked =
          node.vertx()
              .eventBus()
              .request(
                  EventBusAddresses.DEFAULT_ADDRESS,
                  Buffer.buffer(),
                  new DeliveryOptions().addHeader("frame", header.encode()));
      assertEquals("unknown_job: job: hers is not known", failure(asked));
      hers.refuse(new RejectedException(ErrorCode.BUSY, "over"));
    }
  }
}
