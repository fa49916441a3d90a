package dev.runnel.bus;

import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.commands.CommandException;
import dev.runnel.commands.Commands;
import dev.runnel.commands.CommandsContract;
import dev.runnel.commands.FollowedJob;
import dev.runnel.job.Registry;
import dev.runnel.model.TerminalSize;
import dev.runnel.worker.BusNode;
import io.vertx.core.Vertx;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Commands run by verticles, over the event bus, with the typed API. */
@SuppressWarnings("NullAway.Init") // The node is there before any test.
class CommandBusTest extends CommandsContract {
  private static BusNode node;

  @BeforeAll
  static void open() {
    node = new BusNode();
  }

  @AfterAll
  static void close() {
    node.close();
  }

  @Override
  protected Vertx vertx() {
    return node.vertx();
  }

  @Override
  protected Commands commands() {
    return CommandBus.of(node.vertx());
  }

  @Override
  protected Registry registry() {
    return node.registry();
  }

  @Test
  void refusalOfWhatIsAskedOfAJobIsOneLikeAnyOther() {
    FollowedJob job = await(commands().run(shell("exec sleep 60")));
    CompletionException failure =
        assertThrows(
            CompletionException.class,
            () -> await(onContext(() -> job.resize(new TerminalSize(24, 80)), job)));
    CommandException why = assertInstanceOf(CommandException.class, failure.getCause());
    assertTrue(why.getMessage().startsWith("bad_request: "), why::getMessage);
    var _ = await(onContext(job::cancel, job));
  }

  @Test
  void failsWhereNobodyListens() {
    CompletionException failure =
        assertThrows(
            CompletionException.class,
            () -> await(CommandBus.at(vertx(), "nobody").run(shell("true"))));
    assertInstanceOf(CommandException.class, failure.getCause());
  }
}
