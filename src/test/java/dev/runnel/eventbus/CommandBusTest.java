package dev.runnel.eventbus;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.api.CommandException;
import dev.runnel.api.Commands;
import dev.runnel.api.CommandsContract;
import dev.runnel.api.JobHandle;
import dev.runnel.job.JobRegistry;
import dev.runnel.model.TerminalSize;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Commands run by verticles, over the event bus, with the typed API. */
@Tag("either")
@SuppressWarnings("NullAway.Init") // The node is there before any test.
@Tag("slow")
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
  protected JobRegistry registry() {
    return node.registry();
  }

  /** What many do: all of stdout first, while the command waits for its stderr to be taken. */
  @Test
  void aCommandThatWaitsForItsReaderIsToldOfInTheLog() {
    ByteArrayOutputStream log = new ByteArrayOutputStream();
    PrintStream real = System.err;
    System.setErr(new PrintStream(log, true, UTF_8));
    try {
      JobHandle job =
          await(
              commands()
                  .run(shell("seq 2000000 >&2; echo done"))
                  .map(
                      started -> {
                        started.stderr().pause();
                        collect(started.stdout(), Promise.promise());
                        return started;
                      }));
      until(() -> log.toString(UTF_8).contains("output unread"));
      String told = log.toString(UTF_8);
      assertTrue(told.contains(" job=" + job.id() + " stdout_bytes=0 stderr_bytes="), told);
      var _ = await(onContext(job::cancel, job));
    } finally {
      System.setErr(real);
    }
  }

  @Test
  void refusalOfWhatIsAskedOfAJobIsOneLikeAnyOther() {
    JobHandle job = await(commands().run(shell("exec sleep 60")));
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
