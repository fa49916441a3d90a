package dev.runnel.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.CuttingProxy;
import dev.runnel.api.CommandException;
import dev.runnel.api.Commands;
import dev.runnel.api.CommandsContract;
import dev.runnel.api.JobHandle;
import dev.runnel.model.End;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.Outcome;
import dev.runnel.model.Signal;
import dev.runnel.server.TestNode;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.streams.ReadStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.CompletionException;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Coming back to a job, and not coming back. */
@SuppressWarnings("NullAway.Init") // Made before each test.
class ClientResumeTest {
  private static final Duration SHORT = Duration.ofMillis(500);

  private final Vertx vertx = Vertx.vertx();
  private final TestNode node = new TestNode();
  private CuttingProxy proxy;
  private ClientOptions there;

  @BeforeEach
  void open() throws IOException {
    proxy = new CuttingProxy(node.port(), 1, List.of(), 1);
    there = ClientOptions.tcp("127.0.0.1", proxy.port());
  }

  @AfterEach
  void close() throws IOException {
    await(vertx.close());
    proxy.close();
    node.close();
  }

  @Test
  void quietJobIsComeBackTo() {
    JobHandle job = run(there, "read line; echo $line; exit 3");
    for (int cuts = 1; cuts <= 3; cuts++) {
      cutAndAwaitReturn(job);
    }
    Promise<String> seen = Promise.promise();
    Future<End> end =
        on(
            job,
            () -> {
              CommandsContract.collect(job.stdout(), seen);
              var _ = job.stdin().write(Buffer.buffer("still there\n"));
              return job.end();
            });
    assertEquals(new ExitStatus.Exited(3), await(end).status());
    assertEquals("still there\n", await(seen.future()));
  }

  @Test
  void watcherComesBackToo() {
    JobHandle job = run(ClientOptions.tcp("127.0.0.1", node.port()), "cat");
    JobHandle watching = await(CommandClient.of(vertx, there).watch(job.id()));
    Promise<String> seen = Promise.promise();
    CommandsContract.onContext(() -> CommandsContract.collect(watching.stdout(), seen), watching);
    cutAndAwaitReturn(watching);
    CommandsContract.onContext(job::discardOutput, job);
    await(on(job, () -> job.stdin().end(Buffer.buffer("after the cut"))));
    assertEquals(Outcome.EXITED, await(watching.end()).outcome());
    assertEquals("after the cut", await(seen.future()));
  }

  @Test
  void unreadOutputDoesNotGrowWithTheCuts() {
    long window = 64 * 1024;
    JobHandle job =
        await(
            CommandClient.of(vertx, there)
                .run(CommandsContract.shell("seq 300000").withWindow(OptionalLong.of(window))));
    ReadStream<Buffer> stdout = job.stdout().pause();
    for (int cuts = 1; cuts <= 10; cuts++) {
      cutAndAwaitReturn(job);
    }
    Buffer all = Buffer.buffer();
    Promise<Integer> kept = Promise.promise();
    Promise<Void> whole = Promise.promise();
    CommandsContract.onContext(
        () -> {
          stdout.endHandler(_ -> whole.complete()).handler(all::appendBuffer).resume();
          kept.complete(all.length());
        },
        job);
    assertTrue(await(kept.future()) <= window + 10 * 1024, () -> "kept: " + kept.future());
    assertEquals(Outcome.EXITED, await(job.end()).outcome());
    await(whole.future());
    assertTrue(all.toString().endsWith("\n300000\n"));
  }

  @Test
  void nodeThatWasStartedAnewIsAFailure() throws Exception {
    JobHandle job = run(there, "cat");
    try (TestNode next = new TestNode()) {
      proxy.redirect(next.port());
      proxy.cutAll();
      assertTrue(failure(job.end()).getMessage().contains("was started anew"));
      assertEquals(List.of(), next.registry().list(_ -> true, 10));
    }
  }

  @Test
  void nodeThatWasLostBeforeItSaidWhoItIsHasRunNothingAndAnotherRunsIt() throws Exception {
    try (ServerSocket hole = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
      proxy.redirect(hole.getLocalPort());
      Future<JobHandle> running =
          CommandClient.of(vertx, there).run(CommandsContract.shell("true"));
      try (Socket socket = hole.accept()) {
        assertTrue(socket.getInputStream().read() >= 0);
        proxy.redirect(node.port());
      }
      proxy.cutAll();
      assertEquals(Outcome.EXITED, await(running.compose(JobHandle::end)).outcome());
      assertEquals(1, node.registry().list(_ -> true, 10).size());
    }
  }

  @Test
  void nodeThatWasLostBeforeItAnsweredTheRunIsNotMadeToRunItTwice() throws Exception {
    try (FakeNode first = FakeNode.tcp(FakeNode.Peer::greet)) {
      proxy.redirect(first.options().address().port());
      Future<JobHandle> running =
          CommandClient.of(vertx, there).run(CommandsContract.shell("true"));
      CommandsContract.until(() -> !first.accepted().isEmpty());
      proxy.redirect(node.port());
      assertInstanceOf(CommandException.OutcomeUnknown.class, failure(running));
      assertEquals(List.of(), node.registry().list(_ -> true, 10));
    }
  }

  @Test
  void nodeThatIsGoneIsGivenUpInTime() {
    JobHandle job = run(there.withLinger(SHORT), "cat");
    proxy.refuse();
    CommandException why = failure(job.end());
    assertTrue(why.getMessage().contains("end is not known"), why::getMessage);
    awaitOutcome(job, Outcome.ABANDONED);
  }

  @Test
  void jobOfAClientThatIsNoMoreEnds() {
    JobHandle job = run(there.withLinger(SHORT), "cat");
    await(vertx.close());
    CommandsContract.until(() -> ProcessHandle.of(job.pid()).isEmpty());
  }

  @Test
  void twoClientsOnOneVertxGoEachToItsNode() {
    try (TestNode other = new TestNode()) {
      List<Future<End>> ends = new ArrayList<>();
      for (int i = 0; i < 60; i++) {
        int port = i % 2 == 0 ? node.port() : other.port();
        Commands commands = CommandClient.of(vertx, ClientOptions.tcp("127.0.0.1", port));
        ends.add(commands.run(CommandsContract.shell("exit " + i)).compose(JobHandle::end));
      }
      for (int i = 0; i < ends.size(); i++) {
        assertEquals(new ExitStatus.Exited(i), await(ends.get(i)).status());
      }
      assertEquals(30, node.registry().list(_ -> true, 100).size());
      assertEquals(30, other.registry().list(_ -> true, 100).size());
    }
  }

  private JobHandle run(ClientOptions options, String line) {
    return await(CommandClient.of(vertx, options).run(CommandsContract.piped(line)));
  }

  private void cutAndAwaitReturn(JobHandle job) {
    int connections = proxy.connections();
    proxy.cutAll();
    CommandsContract.until(() -> proxy.connections() > connections);
    // What is asked while there is no connection fails; what is answered was asked after the
    // attach.
    CommandsContract.until(() -> succeeds(on(job, () -> job.signal(Signal.CONT))));
  }

  private static boolean succeeds(Future<?> future) {
    try {
      await(future);
      return true;
    } catch (CompletionException _) {
      return false;
    }
  }

  private static <T> Future<T> on(JobHandle job, Supplier<Future<T>> task) {
    return CommandsContract.onContext(task, job);
  }

  private void awaitOutcome(JobHandle job, Outcome outcome) {
    CommandsContract.until(
        () ->
            node.registry().list(status -> status.job().equals(job.id()), 1).stream()
                .anyMatch(status -> status.end() != null && status.end().outcome() == outcome));
  }

  private static CommandException failure(Future<?> future) {
    CompletionException failure = assertThrows(CompletionException.class, () -> await(future));
    return assertInstanceOf(CommandException.class, failure.getCause());
  }

  private static <T> T await(Future<T> future) {
    return CommandsContract.await(future);
  }
}
