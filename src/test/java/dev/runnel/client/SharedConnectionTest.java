package dev.runnel.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.CuttingProxy;
import dev.runnel.api.CommandException;
import dev.runnel.api.Commands;
import dev.runnel.api.CommandsContract;
import dev.runnel.api.JobHandle;
import dev.runnel.job.JobLimits;
import dev.runnel.job.LogMemory;
import dev.runnel.model.End;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.JobSpec;
import dev.runnel.model.JobState;
import dev.runnel.model.Outcome;
import dev.runnel.model.Retention;
import dev.runnel.model.Signal;
import dev.runnel.server.Authentication;
import dev.runnel.server.ServerLimits;
import dev.runnel.server.TestNode;
import dev.runnel.tls.ServerTls;
import dev.runnel.tls.TestCa;
import dev.runnel.tls.TlsFiles;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.VerticleBase;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.net.ClientSSLOptions;
import io.vertx.core.net.PemTrustOptions;
import io.vertx.junit5.VertxExtension;
import io.vertx.junit5.VertxTestContext;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Many jobs of one client, over few connections. */
@ExtendWith(VertxExtension.class)
class SharedConnectionTest {
  private final TestNode node = new TestNode();

  @AfterEach
  void close() {
    node.close();
  }

  @Test
  void jobsOfOneContextShareAConnection(Vertx vertx, VertxTestContext test) throws Exception {
    try (CuttingProxy proxy = proxy(node.port())) {
      Commands commands = CommandClient.of(vertx, there(proxy));
      runAll(vertx, test, commands, 100);
      await(test);
      assertEquals(1, proxy.connections());
    }
  }

  @Test
  void jobsBeyondTheNodesBoundsGetConnectionsOfTheirOwnOrWait(Vertx vertx, VertxTestContext test)
      throws Exception {
    ServerLimits usual = ServerLimits.DEFAULT;
    ServerLimits limits =
        new ServerLimits(100, 256, 2, 256 * 1024, 256 * 1024, usual.firstFrame(), usual.frame());
    try (TestNode small =
            new TestNode(limits, JobLimits.DEFAULT, new LogMemory(256L << 20, 1_000));
        CuttingProxy proxy = proxy(small.port())) {
      Commands commands = CommandClient.of(vertx, there(proxy));
      runAll(vertx, test, commands, 100);
      await(test);
      assertTrue(proxy.connections() <= 16, () -> "connections: " + proxy.connections());
    }
  }

  @Test
  void jobWhoseOutputNobodyReadsHoldsUpNoOther(Vertx vertx, VertxTestContext test)
      throws Exception {
    try (CuttingProxy proxy = proxy(node.port())) {
      Commands commands = CommandClient.of(vertx, there(proxy));
      JobHandle[] unread = new JobHandle[1];
      vertx.runOnContext(
          _ ->
              commands
                  .run(CommandsContract.shell("exec yes"))
                  .compose(
                      job -> {
                        unread[0] = job;
                        return commands.run(CommandsContract.shell("seq 300000"));
                      })
                  .compose(
                      job -> {
                        Promise<String> all = Promise.promise();
                        CommandsContract.collect(job.stdout(), all);
                        return all.future();
                      })
                  .compose(
                      text -> {
                        test.verify(() -> assertTrue(text.endsWith("\n300000\n")));
                        return unread[0].cancel();
                      })
                  .onComplete(test.succeedingThenComplete()));
      await(test);
      assertEquals(1, proxy.connections());
    }
  }

  @Test
  void allComeBackOverOneConnectionAfterACut(Vertx vertx, VertxTestContext test) throws Exception {
    try (CuttingProxy proxy = proxy(node.port())) {
      Commands commands = CommandClient.of(vertx, there(proxy));
      List<Future<JobHandle>> running = new ArrayList<>();
      Promise<Void> begun = Promise.promise();
      vertx.runOnContext(
          _ -> {
            for (int i = 0; i < 20; i++) {
              running.add(commands.run(CommandsContract.piped("read line; exit $line")));
            }
            Future.all(running).<Void>mapEmpty().onComplete(begun);
          });
      CommandsContract.await(begun.future());
      proxy.cutAll();
      for (int i = 0; i < 20; i++) {
        int code = i;
        JobHandle job = running.get(i).result();
        Future<End> end =
            CommandsContract.onContext(
                () -> {
                  var _ = job.stdin().write(Buffer.buffer(code + "\n"));
                  return job.end();
                },
                job);
        assertEquals(new ExitStatus.Exited(code), CommandsContract.await(end).status());
      }
      test.completeNow();
      assertEquals(2, proxy.connections());
    }
  }

  @Test
  void moreSignalsThanMayBeInFlightAreAllAnswered(Vertx vertx, VertxTestContext test)
      throws Exception {
    Commands commands = CommandClient.of(vertx, ClientOptions.tcp("127.0.0.1", node.port()));
    vertx.runOnContext(
        _ ->
            commands
                .run(CommandsContract.shell("exec sleep 60"))
                .compose(
                    job -> {
                      List<Future<JobState>> answers = new ArrayList<>();
                      for (int i = 0; i < 500; i++) {
                        answers.add(job.signal(Signal.CONT));
                      }
                      for (int i = 0; i < 500; i++) {
                        answers.add(job.cancel());
                      }
                      return Future.all(answers);
                    })
                .onComplete(test.succeedingThenComplete()));
    await(test);
  }

  @Test
  void jobThatItsVerticleLeavesLingersForItsTimeThoughTheConnectionStays(
      Vertx vertx, VertxTestContext test) throws Exception {
    JobSpec lasting =
        CommandsContract.piped("cat")
            .withLasting(Retention.DEFAULT.withLinger(Duration.ofMillis(200)));
    try (CuttingProxy proxy = proxy(node.port())) {
      Commands commands = CommandClient.of(vertx, there(proxy));
      Promise<JobHandle> running = Promise.promise();
      Promise<JobHandle> other = Promise.promise();
      vertx.runOnContext(
          _ -> {
            commands.run(CommandsContract.piped("cat")).onComplete(other);
            vertx
                .deployVerticle(
                    new VerticleBase() {
                      @Override
                      public Future<?> start() {
                        return commands.run(lasting).onComplete(running);
                      }
                    })
                .compose(vertx::undeploy)
                .onComplete(test.succeedingThenComplete());
          });
      await(test);
      JobHandle left = CommandsContract.await(running.future());
      CommandsContract.until(
          () -> {
            End end = CommandsContract.await(commands.status(left.id())).end();
            return end != null && end.outcome() == Outcome.ABANDONED;
          });
      JobHandle stays = CommandsContract.await(other.future());
      assertFalse(stays.end().isComplete());
      CommandsContract.onContext(stays::cancel, stays);
    }
  }

  @Test
  void nodeThatWasTooSlowForTheFirstConnectionRunsItOverTheNext(Vertx vertx, VertxTestContext test)
      throws Exception {
    AtomicInteger connections = new AtomicInteger();
    try (FakeNode slow =
        FakeNode.tcp(
            peer -> {
              if (connections.getAndIncrement() < 2) {
                var _ = peer.read();
                peer.send(
                    "\"type\":\"error\",\"final\":true,\"code\":\"too_slow\",\"message\":\"10 s\","
                        + "\"close\":true",
                    "");
              } else {
                peer.started(peer.greet());
                peer.await("nothing");
              }
            })) {
      CommandClient.of(vertx, slow.options())
          .run(CommandsContract.shell("x"))
          .onComplete(test.succeedingThenComplete());
      await(test);
      assertEquals(3, connections.get());
    }
  }

  @Test
  void nodeThatExpectsTlsIsNamedSoAfterTwoTries(
      Vertx vertx, VertxTestContext test, @TempDir Path folder) throws Exception {
    int port = listenWithTls(folder);
    try (CuttingProxy proxy = proxy(port)) {
      CommandClient.of(vertx, there(proxy))
          .run(CommandsContract.shell("true"))
          .onComplete(
              test.failing(
                  why ->
                      test.verify(
                          () -> {
                            assertInstanceOf(CommandException.Unreachable.class, why);
                            String message = String.valueOf(why.getMessage());
                            assertTrue(
                                message.endsWith(
                                    " closed the connection without an answer"
                                        + " (does it expect TLS?); nothing was run"),
                                message);
                            test.completeNow();
                          })));
      await(test);
      assertEquals(2, proxy.connections());
    }
  }

  @Test
  @Tag("slow")
  void sixHundredAtOnceOverTlsAllRun(Vertx vertx, VertxTestContext test, @TempDir Path folder)
      throws Exception {
    int port = listenWithTls(folder);
    ClientSSLOptions trust =
        new ClientSSLOptions()
            .setTrustOptions(new PemTrustOptions().addCertPath("" + folder.resolve("ca.crt")));
    try (CuttingProxy proxy = proxy(port)) {
      Commands commands = CommandClient.of(vertx, there(proxy).withTls(trust, "127.0.0.1"));
      runAll(vertx, test, commands, 600);
      assertTrue(test.awaitCompletion(120, TimeUnit.SECONDS));
      assertFalse(test.failed(), () -> "" + test.causeOfFailure());
      assertTrue(proxy.connections() <= 16, () -> "connections: " + proxy.connections());
    }
  }

  private int listenWithTls(Path folder) throws Exception {
    TestCa ca = new TestCa("ca");
    var _ = Files.writeString(folder.resolve("ca.crt"), ca.cert());
    ca.issue("ip:127.0.0.1").write(folder, "server");
    TlsFiles files = new TlsFiles(null, folder.resolve("server.crt"), folder.resolve("server.key"));
    return node.listen(
        new Authentication.OverTls(ServerTls.of(files), new Authentication.Open("anonymous")));
  }

  /** All at once, each with an exit code of its own; the test is complete when all have ended. */
  private static void runAll(Vertx vertx, VertxTestContext test, Commands commands, int jobs) {
    vertx.runOnContext(
        _ -> {
          List<Future<End>> ends = new ArrayList<>();
          for (int i = 0; i < jobs; i++) {
            int code = i % 256;
            ends.add(
                commands
                    .run(CommandsContract.shell("exit " + code))
                    .compose(JobHandle::end)
                    .onSuccess(
                        end ->
                            test.verify(
                                () -> assertEquals(new ExitStatus.Exited(code), end.status()))));
          }
          Future.all(ends).onComplete(test.succeedingThenComplete());
        });
  }

  private static CuttingProxy proxy(int port) throws IOException {
    return new CuttingProxy(port, 1, List.of(), 1);
  }

  private static ClientOptions there(CuttingProxy proxy) {
    return ClientOptions.tcp("127.0.0.1", proxy.port());
  }

  private static void await(VertxTestContext test) throws InterruptedException {
    assertTrue(test.awaitCompletion(30, TimeUnit.SECONDS));
    assertFalse(test.failed(), () -> "" + Objects.requireNonNull(test.causeOfFailure()));
  }
}
