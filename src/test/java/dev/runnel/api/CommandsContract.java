package dev.runnel.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.job.JobRegistry;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.End;
import dev.runnel.model.ErrorCode;
import dev.runnel.model.Event;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.JobId;
import dev.runnel.model.JobSpec;
import dev.runnel.model.JobState;
import dev.runnel.model.JobStatus;
import dev.runnel.model.Labels;
import dev.runnel.model.Outcome;
import dev.runnel.model.Request;
import dev.runnel.model.Retention;
import dev.runnel.model.Role;
import dev.runnel.model.Signal;
import dev.runnel.model.StartFailure;
import dev.runnel.model.Terminal;
import dev.runnel.model.TerminalSize;
import io.vertx.core.AbstractVerticle;
import io.vertx.core.DeploymentOptions;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Promise;
import io.vertx.core.ThreadingModel;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.file.AsyncFile;
import io.vertx.core.file.OpenOptions;
import io.vertx.core.streams.ReadStream;
import io.vertx.core.streams.WriteStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What the typed API promises, whichever way leads to the node. */
public abstract class CommandsContract {
  private static final long PATIENCE_SECONDS = 30;

  /** The application's, which a way to a node may share with the node. */
  protected abstract Vertx vertx();

  protected abstract Commands commands();

  /** That of the node at the other end. */
  protected abstract JobRegistry registry();

  @Test
  void streamsBothOutputsAndTellsTheEnd() {
    Promise<String> stdout = Promise.promise();
    Promise<String> stderr = Promise.promise();
    End end =
        inVerticle(
            commands ->
                commands
                    .run(shell("echo out; echo err >&2; exit 3"))
                    .compose(
                        job -> {
                          collect(job.stdout(), stdout);
                          collect(job.stderr(), stderr);
                          return job.end();
                        }));
    assertEquals(new ExitStatus.Exited(3), end.status());
    assertEquals("out\n", await(stdout.future()));
    assertEquals("err\n", await(stderr.future()));
  }

  @Test
  void bothOutputsComeInOrder() {
    List<String> seen = new ArrayList<>();
    inVerticle(
        commands ->
            commands
                .run(
                    shell(
                        "for i in 1 2 3; do echo o$i; sleep 0.05; echo e$i >&2; sleep 0.05; done"))
                .compose(
                    job -> {
                      job.output().handler(piece -> seen.add(piece.bytes().toString().strip()));
                      return job.end();
                    }));
    assertEquals(List.of("o1", "e1", "o2", "e2", "o3", "e3"), seen);
  }

  @Test
  void handlersRunOnTheCallersContext() {
    Boolean all =
        inVerticle(
            commands -> {
              Thread mine = Thread.currentThread();
              List<Boolean> same = new ArrayList<>();
              return commands
                  .run(shell("seq 1000"))
                  .compose(
                      job -> {
                        same.add(Thread.currentThread() == mine);
                        job.stdout().handler(_ -> same.add(Thread.currentThread() == mine));
                        return job.end();
                      })
                  .map(_ -> same.add(Thread.currentThread() == mine) && !same.contains(false));
            });
    assertTrue(all);
  }

  @Test
  void nothingIsLostBeforeThereIsAHandler() {
    Promise<String> stdout = Promise.promise();
    inVerticle(
        commands ->
            commands
                .run(shell("seq 20000"))
                .compose(
                    job -> {
                      Promise<Void> later = Promise.promise();
                      vertx()
                          .setTimer(
                              50,
                              _ -> {
                                collect(job.stdout(), stdout);
                                later.complete();
                              });
                      return later.future().compose(_ -> job.end());
                    }));
    String text = await(stdout.future());
    assertEquals(20_000, text.lines().count());
    assertTrue(text.endsWith("20000\n"));
  }

  @Test
  void consumerThatDoesNotReadHoldsItsOwnCommandBack() {
    JobHandle[] stuck = new JobHandle[1];
    Promise<End> stuckEnd = Promise.promise();
    inVerticle(
        commands ->
            commands
                .run(shell("seq 2000000"))
                .map(
                    job -> {
                      stuck[0] = job;
                      job.stdout().pause();
                      job.end().onComplete(stuckEnd);
                      return job;
                    }));
    // Held: it would write 14 MB, the log holds one.
    End other = inVerticle(commands -> commands.run(shell("exit 5")).compose(JobHandle::end));
    assertEquals(new ExitStatus.Exited(5), other.status());
    assertTrue(!stuckEnd.future().isComplete());
    Promise<String> stdout = Promise.promise();
    onContext(() -> collect(stuck[0].stdout(), stdout), stuck[0]);
    assertEquals(2_000_000, await(stdout.future()).lines().count());
    assertEquals(Outcome.EXITED, await(stuckEnd.future()).outcome());
  }

  @Test
  void whoReadsOneStreamIsNotHeldBackByTheOther() {
    Promise<String> stdout = Promise.promise();
    Promise<String> stderr = Promise.promise();
    End end =
        inVerticle(
            commands ->
                commands
                    .run(shell("seq 300000 >&2; seq 300000"))
                    .compose(
                        job -> {
                          collect(job.stdout(), stdout);
                          return job.end().onSuccess(_ -> collect(job.stderr(), stderr));
                        }));
    assertEquals(Outcome.EXITED, end.outcome());
    assertEquals(300_000, await(stdout.future()).lines().count());
    CompletionException late =
        assertThrows(CompletionException.class, () -> await(stderr.future()));
    assertTrue(String.valueOf(late.getMessage()).contains("nobody asked"), late::getMessage);
  }

  @Test
  void oneStreamMayBeReadAfterTheOther() {
    Promise<String> stdout = Promise.promise();
    Promise<String> stderr = Promise.promise();
    inVerticle(
        commands ->
            commands
                .run(shell("seq 1000 >&2; seq 300000"))
                .compose(
                    job -> {
                      collect(job.stdout(), stdout);
                      return stdout
                          .future()
                          .onSuccess(_ -> collect(job.stderr(), stderr))
                          .compose(_ -> job.end());
                    }));
    assertEquals(1_000, await(stderr.future()).lines().count());
  }

  @Test
  void outputThatNobodyWantsHoldsNothingBack() {
    End end =
        inVerticle(
            commands ->
                commands
                    .run(shell("seq 300000; seq 300000 >&2; exit 4"))
                    .compose(
                        job -> {
                          job.discardOutput();
                          return job.end();
                        }));
    assertEquals(new ExitStatus.Exited(4), end.status());
  }

  @Test
  void handlerThatThrowsGetsTheRest() {
    AtomicInteger thrown = new AtomicInteger();
    Buffer seen = Buffer.buffer();
    inVerticle(
        commands -> {
          vertx().getOrCreateContext().exceptionHandler(_ -> thrown.incrementAndGet());
          return commands
              .run(shell("seq 300000"))
              .compose(
                  job -> {
                    job.stdout()
                        .handler(
                            piece -> {
                              seen.appendBuffer(piece);
                              throw new IllegalStateException("a fault, thrown by a test");
                            });
                    return job.end();
                  });
        });
    until(() -> seen.toString().endsWith("\n300000\n"));
    assertTrue(thrown.get() > 0);
  }

  @Test
  void handlersOfFuturesRunOnTheCallersContextToo() {
    JobHandle job = inVerticle(commands -> commands.run(shell("exec sleep 60")));
    Promise<Boolean> same = Promise.promise();
    // From a thread of the test's own.
    job.end().onComplete(_ -> same.complete(Vertx.currentContext() == job.context()));
    var _ = await(job.cancel());
    assertTrue(await(same.future()));
  }

  @Test
  void stdinIsAWriteStreamWithBackPressure() {
    byte[] big = new byte[3_000_000];
    new java.util.Random(1).nextBytes(big);
    Promise<Buffer> echoed = Promise.promise();
    End end =
        inVerticle(
            commands ->
                commands
                    .run(piped("cat"))
                    .compose(
                        job -> {
                          Buffer all = Buffer.buffer();
                          job.stdout()
                              .handler(all::appendBuffer)
                              .endHandler(_ -> echoed.complete(all));
                          return feed(job.stdin(), big, 0).compose(_ -> job.end());
                        }));
    assertEquals(Outcome.EXITED, end.outcome());
    assertTrue(java.util.Arrays.equals(big, await(echoed.future()).getBytes()));
  }

  @Test
  void stdinFailsOnceTheProcessReadsNoMore() {
    assertThrows(
        CompletionException.class,
        () ->
            inVerticle(
                commands ->
                    commands
                        .run(piped("exec <&-; sleep 60"))
                        .compose(
                            job ->
                                feed(job.stdin(), new byte[10_000_000], 0)
                                    .eventually(job::cancel))));
  }

  @Test
  void signalsAndCancels() {
    End signaled =
        inVerticle(
            commands ->
                commands
                    .run(shell("exec sleep 60"))
                    .compose(job -> job.signal(Signal.USR1).compose(_ -> job.end())));
    assertEquals(new ExitStatus.Signaled(10), signaled.status());
    End canceled =
        inVerticle(
            commands ->
                commands
                    .run(shell("exec sleep 60"))
                    .compose(job -> job.cancel().compose(_ -> job.end())));
    assertEquals(Outcome.CANCELED, canceled.outcome());
  }

  @Test
  void failsToRunWhatCannotBeStartedAndSaysWhy() {
    CommandException.StartFailed why =
        failure(
            CommandException.StartFailed.class,
            commands().run(JobSpec.of(CommandSpec.of("/no/such"))));
    assertTrue(why.getMessage().contains("ENOENT"), why::getMessage);
    StartFailure failure = Objects.requireNonNull(why.failure());
    assertEquals("ENOENT", failure.errno());
    assertEquals(StartFailure.At.EXEC, failure.at());
    assertFalse(why.isRetryable());
  }

  @Test
  void refusalHasItsCode() {
    JobSpec spec = shell("exec sleep 60");
    JobHandle job = await(commands().run(spec));
    Request.Run taken = new Request.Run(job.id(), spec);
    assertEquals(ErrorCode.JOB_EXISTS, refusal(commands().run(taken)).code());
    Request.Run elsewhere = new Request.Run(null, spec).withBoot("another-life");
    assertEquals(ErrorCode.STALE, refusal(commands().run(elsewhere)).code());
    JobId nobody = new JobId("nobody");
    assertEquals(ErrorCode.UNKNOWN_JOB, refusal(commands().status(nobody)).code());
    assertEquals(ErrorCode.UNKNOWN_JOB, refusal(commands().watch(nobody)).code());
    assertFalse(refusal(commands().watch(nobody)).isRetryable());
    TerminalSize size = TerminalSize.DEFAULT;
    assertEquals(ErrorCode.BAD_REQUEST, refusal(onContext(() -> job.resize(size), job)).code());
    var _ = await(onContext(job::cancel, job));
  }

  /** What is refused has a code, and a cause that says where it comes from. */
  protected static CommandException.Refused refusal(Future<?> future) {
    return failure(CommandException.Refused.class, future);
  }

  protected static CommandException failure(Future<?> future) {
    return failure(CommandException.class, future);
  }

  private static <E extends CommandException> E failure(Class<E> kind, Future<?> future) {
    CompletionException failure = assertThrows(CompletionException.class, () -> await(future));
    return assertInstanceOf(kind, failure.getCause());
  }

  @Test
  void undeployedVerticlesJobsEnd() {
    Promise<JobHandle> running = Promise.promise();
    String id =
        await(
            vertx()
                .deployVerticle(
                    new AbstractVerticle() {
                      @Override
                      public void start() {
                        commands().run(shell("exec sleep 100")).onComplete(running);
                      }
                    }));
    JobHandle job = await(running.future());
    assertTrue(ProcessHandle.of(job.pid()).isPresent());
    Future<End> end = job.end();
    await(vertx().undeploy(id));
    assertInstanceOf(CommandException.Detached.class, failure(end));
    until(() -> ProcessHandle.of(job.pid()).isEmpty());
    until(
        () ->
            registry().list(status -> status.job().equals(job.id()), 1).stream()
                .anyMatch(status -> status.end() != null && isOurDoing(status.end().outcome())));
  }

  // That it was taken is not always told: the process may read it and be gone.
  private static void write(JobHandle job, String text) {
    var _ = onContext(() -> job.stdin().write(Buffer.buffer(text)), job);
  }

  @Test
  void jobThatLingersOutlivesItsVerticle() {
    JobSpec lasting = piped("cat").withLasting(Retention.DEFAULT.withLinger(Duration.ofHours(1)));
    Promise<JobHandle> running = Promise.promise();
    String id =
        await(
            vertx()
                .deployVerticle(
                    new AbstractVerticle() {
                      @Override
                      public void start() {
                        commands().run(lasting).onComplete(running);
                      }
                    }));
    JobHandle job = await(running.future());
    await(vertx().undeploy(id));
    until(() -> await(commands().status(job.id())).followers() == 0);
    assertEquals(JobState.RUNNING, await(commands().status(job.id())).state());
    JobHandle again = await(commands().takeOver(job.id()));
    var _ = await(onContext(again::cancel, again));
    assertEquals(Outcome.CANCELED, await(again.end()).outcome());
  }

  @Test
  void workersAndVirtualThreadsRunCommandsToo() {
    for (ThreadingModel model : List.of(ThreadingModel.WORKER, ThreadingModel.VIRTUAL_THREAD)) {
      Promise<End> ended = Promise.promise();
      Promise<String> stdout = Promise.promise();
      AbstractVerticle runner =
          new AbstractVerticle() {
            @Override
            public void start() {
              commands()
                  .run(shell("seq 50000"))
                  .compose(
                      job -> {
                        collect(job.stdout(), stdout);
                        return job.end();
                      })
                  .onComplete(ended);
            }
          };
      String id =
          await(vertx().deployVerticle(runner, new DeploymentOptions().setThreadingModel(model)));
      assertEquals(Outcome.EXITED, await(ended.future()).outcome(), "" + model);
      assertEquals(50_000, await(stdout.future()).lines().count(), "" + model);
      await(vertx().undeploy(id));
    }
  }

  @Test
  void jobThatHasEndedAnswersThatItHas() {
    JobHandle job = await(commands().run(shell("exit 3")));
    assertEquals(new ExitStatus.Exited(3), await(job.end()).status());
    assertEquals(JobState.ENDED, await(onContext(job::cancel, job)));
    assertEquals(JobState.ENDED, await(onContext(() -> job.signal(Signal.TERM), job)));
    End kept = await(commands().status(job.id())).end();
    assertEquals(await(job.end()), kept);
  }

  @Test
  void terminalTakesItsNewSize() {
    JobSpec spec = piped("read line; stty size");
    JobSpec onTerminal =
        spec.withCommand(
            spec.command().withTerminal(new Terminal(TerminalSize.DEFAULT, Terminal.DEFAULT_TERM)));
    JobHandle job = await(commands().run(onTerminal));
    Promise<String> seen = Promise.promise();
    onContext(() -> collect(job.stdout(), seen), job);
    var _ = await(onContext(() -> job.resize(new TerminalSize(40, 100)), job));
    write(job, "\n");
    assertTrue(await(seen.future()).contains("40 100"), () -> "" + seen.future());
  }

  private static boolean isOurDoing(Outcome outcome) {
    return outcome == Outcome.ABANDONED || outcome == Outcome.CANCELED;
  }

  @Test
  void watcherSeesItAllAndTheEnd() {
    JobHandle job = await(commands().run(piped("echo one; read line; echo $line; exit 3")));
    JobHandle watching = await(commands().watch(job.id()));
    assertThrows(IllegalStateException.class, watching::stdin);
    Promise<String> seen = Promise.promise();
    onContext(() -> collect(watching.stdout(), seen), watching);
    onContext(job::discardOutput, job);
    write(job, "two\n");
    assertEquals(new ExitStatus.Exited(3), await(watching.end()).status());
    assertEquals("one\ntwo\n", await(seen.future()));
    assertEquals(new ExitStatus.Exited(3), await(job.end()).status());
  }

  @Test
  void watcherComesInWhereItIsToldToAndAfterTheEnd() {
    JobHandle job = await(commands().run(shell("printf abcdef")));
    assertEquals(6, await(job.end()).outputBytes());
    Request.Attach fromTwo =
        new Request.Attach(
            job.id(), job.boot(), OptionalLong.of(2), OptionalLong.empty(), Role.WATCHER);
    JobHandle late = await(commands().attach(fromTwo));
    Promise<String> seen = Promise.promise();
    onContext(() -> collect(late.stdout(), seen), late);
    assertEquals("cdef", await(seen.future()));
    assertEquals(Outcome.EXITED, await(late.end()).outcome());
  }

  @Test
  void jobThatAnotherTookOverIsLeftAloneAndItsStdinGoesOn() {
    JobHandle first = await(commands().run(piped("head -c 6; exit 4")));
    await(onContext(() -> first.stdin().write(Buffer.buffer("abc")), first));
    JobHandle second = await(commands().takeOver(first.id()));
    assertEquals(
        "detached: replaced", failure(CommandException.Detached.class, first.end()).getMessage());
    Promise<String> seen = Promise.promise();
    onContext(() -> collect(second.stdout(), seen), second);
    write(second, "def");
    assertEquals(new ExitStatus.Exited(4), await(second.end()).status());
    assertEquals("abcdef", await(seen.future()));
  }

  @Test
  void detachedJobGoesOn() {
    JobHandle job = await(commands().run(piped("read line; exit 5")));
    assertEquals(JobState.RUNNING, await(onContext(job::detach, job)));
    assertThrows(CompletionException.class, () -> await(job.end()));
    JobHandle again = await(commands().takeOver(job.id()));
    write(again, "x\n");
    assertEquals(new ExitStatus.Exited(5), await(again.end()).status());
  }

  @Test
  void gapFailsUnlessItIsAskedFor() {
    JobId job = jobWithoutItsBeginning();
    JobHandle strict = await(commands().watch(job));
    CommandException gap = failure(CommandException.Damaged.class, strict.end());
    assertTrue(gap.getMessage().contains("output lost: from 0"), gap::getMessage);
    Promise<Event.Gap> told = Promise.promise();
    Promise<String> seen = Promise.promise();
    Future<End> end =
        onContext(
            () ->
                commands()
                    .watch(job)
                    .compose(
                        lenient -> {
                          lenient.gapHandler(told::complete);
                          collect(lenient.stdout(), seen);
                          return lenient.end();
                        }),
            strict);
    assertEquals(Outcome.EXITED, await(end).outcome());
    assertEquals(0, await(told.future()).from());
    assertTrue(await(seen.future()).endsWith("\n99999\n100000\n"));
  }

  // It retains less than it wrote.
  private JobId jobWithoutItsBeginning() {
    JobHandle job = await(commands().run(shell("seq 100000").withRetain(100_000)));
    onContext(job::discardOutput, job);
    assertEquals(588_895, await(job.end()).outputBytes());
    return job.id();
  }

  @Test
  void listsJobsAndTellsTheStatusOfOne() {
    JobHandle job = await(commands().run(piped("read line")));
    JobStatus status = await(commands().status(job.id()));
    assertEquals(JobState.RUNNING, status.state());
    assertEquals(job.pid(), status.pid());
    assertTrue(await(commands().jobs()).contains(status));
    assertEquals(
        List.of(status),
        await(commands().jobs(new Request.Jobs(job.id().value(), null, Labels.NONE, 10))));
    await(onContext(job::cancel, job));
    assertEquals(Outcome.CANCELED, await(job.end()).outcome());
    assertThrows(CompletionException.class, () -> await(commands().status(new JobId("nobody"))));
  }

  @Test
  void jobIsFoundByItsLabels() throws Exception {
    Labels labels = new Labels(Map.of("app", "shop-" + System.nanoTime(), "stage", "test/1"));
    JobHandle job = await(commands().run(JobSpec.shell("exit 3").withLabels(labels)));
    await(job.end());
    JobStatus status = await(commands().status(job.id()));
    assertEquals(labels, status.labels());
    Labels app = new Labels(Map.of("app", labels.values().get("app")));
    assertEquals(List.of(status), await(commands().jobs(new Request.Jobs(null, null, app, 10))));
    Labels other = new Labels(Map.of("app", labels.values().get("app"), "stage", "test/2"));
    assertEquals(List.of(), await(commands().jobs(new Request.Jobs(null, null, other, 10))));
  }

  @Test
  void sameRunTwiceStartsOnce() {
    Request.Run run =
        new Request.Run(new JobId("only-once-" + System.nanoTime()), "1f6c", piped("cat"), null);
    JobHandle first = await(commands().run(run));
    JobHandle second = await(commands().run(run));
    assertEquals(first.pid(), second.pid());
    assertThrows(CompletionException.class, () -> await(first.end()));
    await(onContext(() -> second.stdin().end(), second));
    assertEquals(new ExitStatus.Exited(0), await(second.end()).status());
  }

  @Test
  void collectsWhatACommandWritesAndItsCode() {
    CommandResult result =
        await(commands().collect(CommandSpec.shell("echo out; echo err >&2; exit 3")));
    assertEquals("out\n", result.out());
    assertEquals("err\n", result.err());
    assertEquals(3, result.code());
    CommandException.Unsuccessful unsuccessful =
        assertThrows(CommandException.Unsuccessful.class, result::checked);
    assertEquals("exit code 3: err", unsuccessful.getMessage());
    assertFalse(unsuccessful.isRetryable());
    CommandResult sorted =
        await(
            commands()
                .collect(CommandSpec.of("sort"), Buffer.buffer("b\na\n"))
                .map(CommandResult::checked));
    assertEquals("a\nb\n", sorted.out());
    CommandResult killed = await(commands().collect(CommandSpec.shell("kill $$")));
    assertEquals(143, killed.code());
    assertFalse(killed.end().isSuccess());
  }

  @Test
  void timeoutMayBeForever() {
    JobSpec spec = shell("exit 6").withTimeout(Retention.FOREVER);
    assertEquals(6, await(commands().collect(spec)).code());
  }

  @Test
  void inputThatIsNotReadFailsNothing() {
    Buffer input = Buffer.buffer(new byte[3_000_000]);
    CommandResult result = await(commands().collect(CommandSpec.of("head", "-c", "1"), input));
    assertEquals(1, result.stdout().length());
  }

  @Test
  void moreThanMayBeCollectedCancelsTheJob() {
    JobHandle job = await(commands().run(shell("exec yes")));
    Future<CommandResult> result = onContext(() -> job.collect(100_000), job);
    assertEquals(
        "canceled: it wrote more than 100000 bytes",
        failure(CommandException.Detached.class, result).getMessage());
    awaitOurEnd(job.id());
  }

  private void awaitOurEnd(JobId job) {
    until(
        () -> {
          End end = await(commands().status(job)).end();
          return end != null && isOurDoing(end.outcome());
        });
  }

  @Test
  void sinkThatFailsCancelsTheJob() {
    JobHandle job = await(commands().run(shell("exec yes")));
    Future<AsyncFile> full = vertx().fileSystem().open("/dev/full", new OpenOptions());
    Future<End> end =
        onContext(
            () ->
                full.compose(sink -> Future.all(job.stdout().pipeTo(sink), job.end()))
                    .compose(_ -> job.end()),
            job);
    assertThrows(CompletionException.class, () -> await(end));
    CommandException why = failure(CommandException.Detached.class, job.end());
    assertTrue(why.getMessage().startsWith("canceled: its output could not"), why::getMessage);
    awaitOurEnd(job.id());
    await(full.result().close().otherwiseEmpty());
  }

  @Test
  void bothStreamsGoToTheirSinksOrToOne() {
    Recorder out = new Recorder();
    Recorder err = new Recorder();
    String line = "echo o; sleep 0.05; echo e >&2; exit 4";
    JobHandle apart = await(commands().run(shell(line)));
    assertEquals(4, await(onContext(() -> apart.pipeTo(out, err), apart)).code());
    assertEquals("o\n|", out.text());
    assertEquals("e\n|", err.text());
    Recorder both = new Recorder();
    JobHandle together = await(commands().run(shell(line)));
    assertEquals(4, await(onContext(() -> together.pipeTo(both), together)).code());
    assertEquals("o\ne\n|", both.text());
  }

  /** A sink that keeps what it gets, and a bar for its end. */
  private static final class Recorder implements WriteStream<Buffer> {
    private final StringBuilder text = new StringBuilder();

    synchronized String text() {
      return text.toString();
    }

    @Override
    public synchronized Future<Void> write(Buffer bytes) {
      text.append(bytes);
      return Future.succeededFuture();
    }

    @Override
    public synchronized Future<Void> end() {
      text.append('|');
      return Future.succeededFuture();
    }

    @Override
    public Recorder exceptionHandler(@Nullable Handler<Throwable> handler) {
      return this;
    }

    @Override
    public Recorder setWriteQueueMaxSize(int maxSize) {
      return this;
    }

    @Override
    public boolean writeQueueFull() {
      return false;
    }

    @Override
    public Recorder drainHandler(@Nullable Handler<Void> handler) {
      return this;
    }
  }

  @Test
  void linesComeWholeWithTheLastOneThatHasNoFeed() {
    List<String> lines = new ArrayList<>();
    End end =
        inVerticle(
            commands ->
                commands
                    .run(shell("seq 20000; printf ende; exit 2"))
                    .compose(job -> job.lines(lines::add)));
    assertEquals(2, end.code());
    assertEquals(20_001, lines.size());
    assertEquals("20000", lines.get(19_999));
    assertEquals("ende", lines.getLast());
  }

  @Test
  void inputThatFailsCancelsTheJob() {
    JobHandle job = await(commands().run(piped("cat")));
    AtomicReference<Handler<Throwable>> failing = new AtomicReference<>();
    ReadStream<Buffer> source = new FailingSource(failing);
    Future<Void> input = onContext(() -> job.input(source), job);
    until(() -> failing.get() != null);
    Handler<Throwable> fail = Objects.requireNonNull(failing.get());
    onContext(() -> fail.handle(new IllegalStateException("the source broke")), job);
    assertThrows(CompletionException.class, () -> await(input));
    assertEquals(
        "canceled: its input failed: the source broke",
        failure(CommandException.Detached.class, job.end()).getMessage());
    awaitOurEnd(job.id());
  }

  /** A source that has nothing, and fails when it is told to. */
  private record FailingSource(AtomicReference<Handler<Throwable>> failing)
      implements ReadStream<Buffer> {
    @Override
    public FailingSource exceptionHandler(@Nullable Handler<Throwable> handler) {
      if (handler != null) {
        failing.set(handler);
      }
      return this;
    }

    @Override
    public FailingSource handler(@Nullable Handler<Buffer> handler) {
      return this;
    }

    @Override
    public FailingSource pause() {
      return this;
    }

    @Override
    public FailingSource resume() {
      return this;
    }

    @Override
    public FailingSource fetch(long amount) {
      return this;
    }

    @Override
    public FailingSource endHandler(@Nullable Handler<Void> handler) {
      return this;
    }
  }

  @Test
  void whatCanBeDoneToAJobCanBeDoneByItsName() {
    JobHandle job =
        await(
            commands()
                .run(
                    CommandSpec.shell("exec sleep 60")
                        .withTerminal(new Terminal(TerminalSize.DEFAULT, Terminal.DEFAULT_TERM))));
    assertEquals(job.pid(), await(onContext(job::status, job)).pid());
    assertEquals(JobState.RUNNING, await(commands().resize(job.id(), new TerminalSize(40, 100))));
    assertEquals(JobState.RUNNING, await(commands().signal(job.id(), Signal.CONT)));
    var _ = await(commands().cancelWithin(job.id(), Duration.ZERO));
    assertEquals(Outcome.CANCELED, await(job.end()).outcome());
    assertEquals(JobState.ENDED, await(commands().cancel(job.id())));
    assertEquals(ErrorCode.UNKNOWN_JOB, refusal(commands().cancel(new JobId("nobody"))).code());
    assertInstanceOf(CommandException.Unsuccessful.class, failure(onContext(job::checked, job)));
  }

  protected interface Use<T> {
    Future<T> with(Commands commands);
  }

  protected <T> T inVerticle(Use<T> use) {
    Promise<T> result = Promise.promise();
    vertx().getOrCreateContext().runOnContext(_ -> use.with(commands()).onComplete(result));
    return await(result.future());
  }

  public static void onContext(Runnable task, JobHandle job) {
    job.context().runOnContext(_ -> task.run());
  }

  public static <T> Future<T> onContext(Supplier<Future<T>> task, JobHandle job) {
    Promise<T> done = Promise.promise();
    job.context().runOnContext(_ -> task.get().onComplete(done));
    return done.future();
  }

  public static Future<Void> feed(WriteStream<Buffer> stdin, byte[] bytes, int from) {
    if (from == bytes.length) {
      return stdin.end();
    }
    int to = Math.min(bytes.length, from + 10_000);
    return stdin
        .write(Buffer.buffer(java.util.Arrays.copyOfRange(bytes, from, to)))
        .compose(_ -> feed(stdin, bytes, to));
  }

  public static void collect(ReadStream<Buffer> stream, Promise<String> whole) {
    Buffer all = Buffer.buffer();
    stream
        .exceptionHandler(whole::tryFail)
        .endHandler(_ -> whole.complete(all.toString()))
        .handler(all::appendBuffer)
        .resume();
  }

  public static JobSpec shell(String line) {
    return JobSpec.shell(line);
  }

  public static JobSpec piped(String line) {
    return JobSpec.of(CommandSpec.shell(line).withStdin(CommandSpec.Stdin.PIPE));
  }

  public static void until(BooleanSupplier condition) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    while (!condition.getAsBoolean()) {
      assertTrue(System.nanoTime() < deadline, "still not so");
      LockSupport.parkNanos(1_000_000);
    }
  }

  public static <T> T await(Future<T> future) {
    return future
        .toCompletionStage()
        .toCompletableFuture()
        .orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS)
        .join();
  }
}
