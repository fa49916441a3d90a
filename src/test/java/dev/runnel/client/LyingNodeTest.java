package dev.runnel.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.runnel.api.CommandsContract;
import dev.runnel.api.JobHandle;
import dev.runnel.model.ExitStatus;
import dev.runnel.wire.Lies;
import dev.runnel.wire.Lies.Lie;
import dev.runnel.wire.Lies.Told;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Nodes whose answers contradict themselves: the library believes none of them. */
class LyingNodeTest {
  private final Vertx vertx = Vertx.vertx();

  @AfterEach
  void close() {
    CommandsContract.await(vertx.close());
  }

  static List<Lie> lies() {
    return Lies.all();
  }

  private int run(Function<String, Collection<Told>> answer) throws Exception {
    try (FakeNode node =
        FakeNode.tcp(
            peer -> {
              String id = peer.greet();
              try {
                for (Told told : answer.apply(id)) {
                  peer.send(told.keys(), told.body());
                }
              } catch (IOException _) {
                return; // It did not believe the first of it.
              }
            })) {
      ClientOptions options = node.options().withLinger(Duration.ZERO);
      var commands = CommandClient.of(vertx, options);
      JobHandle job = CommandsContract.await(commands.run(CommandsContract.shell("x")));
      CommandsContract.onContext(job::discardOutput, job);
      var end = CommandsContract.await(job.end());
      return end.status() instanceof ExitStatus.Exited(int code) ? code : -1;
    }
  }

  @Test
  void believesTheTruth() throws Exception {
    assertEquals(0, run(id -> Lies.truth(id).values()));
  }

  @ParameterizedTest
  @MethodSource("lies")
  void believesNoLie(Lie lie) {
    assertThrows(CompletionException.class, () -> run(id -> Lies.with(id, lie)));
  }
}
