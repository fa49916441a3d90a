package dev.runnel.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.job.FakePipe.Holder;
import dev.runnel.job.Scene.Running;
import dev.runnel.job.Scene.Spec;
import dev.runnel.model.End;
import dev.runnel.model.ErrorCode;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.JobState;
import dev.runnel.model.Leftover;
import dev.runnel.model.Outcome;
import dev.runnel.model.Signal;
import dev.runnel.model.Stream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;

/** Jobs that are ended from outside: by their timeout, a cancel, their runner's going, shutdown. */
class CancelTest {
  private static final ExitStatus TERMINATED = new ExitStatus.Signaled(Signal.TERM.number());
  private static final ExitStatus KILLED = new ExitStatus.Signaled(Signal.KILL.number());

  private final Scene scene = new Scene();
  private final FakeEngine engine = scene.engine;
  private final List<JobState> begun = new ArrayList<>();

  @AfterEach
  void nothingIsLeft() {
    scene.checkNothingIsLeft();
  }

  @Test
  void timeoutTakesTheTreeDown() {
    Spec spec = new Spec();
    spec.timeout = Duration.ofSeconds(5);
    Running running = scene.start(spec);
    running.process().ignoreTerm();
    running.process().write(Stream.STDOUT, "so far");
    engine.pass(Duration.ofSeconds(5).minusNanos(1));
    assertEquals(List.of(), running.process().graces());
    engine.pass(Duration.ofNanos(1));
    assertEquals(List.of(spec.grace), running.process().graces());
    assertEquals(JobState.RUNNING, running.job().state());
    engine.pass(spec.grace);
    running.follower().readAll();
    End end = running.end();
    assertEquals(Outcome.TIMED_OUT, end.outcome());
    assertEquals(KILLED, end.status());
    assertEquals(6, end.outputBytes());
    assertEquals(Duration.ofSeconds(7), end.duration());
    running.follower().leave();
  }

  @Test
  void timeoutDoesNotCountBeforeTheStart() {
    Spec spec = new Spec();
    spec.timeout = Duration.ofSeconds(5);
    TestFollower follower = scene.register(spec);
    follower.job().start();
    engine.pass(Duration.ofSeconds(9));
    FakeProcess process = engine.spawn();
    engine.pass(Duration.ofSeconds(4));
    process.exit(0);
    engine.settle();
    assertEquals(Outcome.EXITED, follower.end().outcome());
    follower.leave();
  }

  @Test
  void timeoutDoesNotFireAfterTheExit() {
    Spec spec = new Spec();
    spec.timeout = Duration.ofSeconds(5);
    spec.drain = Duration.ofSeconds(20);
    spec.drainMax = Duration.ofSeconds(20);
    Running running = scene.start(spec);
    running.process().hold(Holder.STRANGER, Stream.STDOUT);
    engine.pass(Duration.ofSeconds(4));
    running.process().exit(7);
    engine.pass(Duration.ofSeconds(10));
    assertEquals(List.of(), running.process().graces());
    engine.pass(Duration.ofSeconds(10));
    assertEquals(Outcome.EXITED, running.end().outcome());
    assertEquals(new ExitStatus.Exited(7), running.end().status());
    running.follower().leave();
  }

  @Test
  void exitCodeOfATimedOutProcessIsTold() {
    Spec spec = new Spec();
    spec.timeout = Duration.ofSeconds(5);
    Running running = scene.start(spec);
    running.process().ignoreTerm();
    engine.pass(spec.timeout);
    running.process().exit(0);
    engine.settle();
    assertEquals(Outcome.TIMED_OUT, running.end().outcome());
    assertEquals(new ExitStatus.Exited(0), running.end().status());
    running.follower().leave();
  }

  @Test
  void cancelBeforeTheStartVoidsIt() {
    TestFollower follower = scene.register();
    follower.job().start();
    cancel(follower.job());
    assertEquals(List.of(JobState.STARTING), begun);
    FakeStart start = Objects.requireNonNull(engine.takeStart());
    assertFalse(start.isClaimed());
    start.makeVoid();
    engine.settle();
    assertEquals(Outcome.CANCELED, follower.end().outcome());
    assertNull(follower.end().status());
    assertNull(follower.end().startedAt());
    assertNull(follower.job().started());
    follower.leave();
  }

  @Test
  void cancelDuringTheStartEndsWhatWasMade() {
    TestFollower follower = scene.register();
    follower.job().start();
    follower.job().signal(Signal.HUP);
    FakeStart start = Objects.requireNonNull(engine.takeStart());
    assertTrue(start.isClaimed());
    cancel(follower.job());
    FakeProcess process = start.make();
    engine.settle();
    assertNotNull(follower.job().started());
    assertEquals(List.of(), process.signals());
    assertEquals(Outcome.CANCELED, follower.end().outcome());
    assertEquals(TERMINATED, follower.end().status());
    follower.leave();
  }

  @Test
  void cancelWhileItRunsGivesGrace() {
    Running running = scene.start();
    running.process().ignoreTerm();
    cancel(running.job());
    assertEquals(List.of(JobState.RUNNING), begun);
    engine.pass(Duration.ofMillis(1_999));
    assertNull(running.follower().endIfRead());
    running.process().write(Stream.STDOUT, "last");
    engine.pass(Duration.ofMillis(1));
    running.follower().readAll();
    assertEquals(Outcome.CANCELED, running.end().outcome());
    assertEquals(KILLED, running.end().status());
    assertEquals(4, running.end().outputBytes());
    running.follower().leave();
  }

  @Test
  void cancelWhileDrainingKeepsTheExitStatus() {
    Running running = scene.start();
    running.process().fork(7, "sleep");
    running.process().hold(Holder.SURVIVOR, Stream.STDOUT);
    running.process().exit(0);
    engine.settle();
    cancel(running.job());
    assertEquals(List.of(JobState.DRAINING), begun);
    engine.settle();
    assertEquals(Outcome.CANCELED, running.end().outcome());
    assertEquals(new ExitStatus.Exited(0), running.end().status());
    assertTrue(running.end().drained());
    assertEquals(List.of(new Leftover(7, "sleep", true)), running.end().leftovers());
    running.follower().leave();
  }

  @Test
  void cancelWhileTheTreeIsLookedAtClearsEvenWhatWasToBeKept() {
    Running running = scene.start(Spec.keep());
    running.process().fork(7, "daemon");
    running.process().ignoreTerm();
    running.process().answer(FakeProcess.Answers.WHEN_TOLD);
    running.process().exit(0);
    engine.settle();
    assertEquals(1, running.process().questions());
    cancel(running.job());
    running.process().answerSurvivors();
    engine.settle();
    assertEquals(JobState.DRAINING, running.job().state());
    engine.pass(Duration.ofSeconds(2));
    assertEquals(Outcome.CANCELED, running.end().outcome());
    assertEquals(List.of(new Leftover(7, "daemon", true)), running.end().leftovers());
    assertFalse(running.process().isDiscarding());
    running.follower().leave();
  }

  @Test
  void cancelAfterTheEndChangesNothing() {
    Running running = scene.start();
    running.process().exit(0);
    engine.settle();
    End end = running.end();
    cancel(running.job());
    engine.settle();
    assertEquals(List.of(JobState.ENDED), begun);
    assertSame(end, running.end());
    assertEquals(List.of(), running.process().graces());
    running.follower().leave();
  }

  @Test
  void firstCauseWins() {
    Spec spec = new Spec();
    spec.timeout = Duration.ofSeconds(1);
    Running timedOut = scene.start(spec);
    timedOut.process().ignoreTerm();
    engine.pass(Duration.ofSeconds(1));
    cancel(timedOut.job());
    timedOut.process().exit(1);
    engine.settle();
    assertEquals(Outcome.TIMED_OUT, timedOut.end().outcome());
    timedOut.follower().leave();

    Running canceled = scene.start(spec);
    canceled.process().ignoreTerm();
    cancel(canceled.job());
    engine.pass(Duration.ofSeconds(3));
    assertEquals(Outcome.CANCELED, canceled.end().outcome());
    canceled.follower().leave();
  }

  @Test
  void runnerThatGoesAbandonsTheJob() {
    Running running = scene.start();
    running.process().ignoreTerm();
    running.process().write(Stream.STDOUT, "read");
    engine.settle();
    running.follower().leave();
    engine.runTasks();
    byte[] dropped = new byte[50_000];
    for (int i = 0; i < 100; i++) {
      running.process().write(Stream.STDOUT, dropped);
      engine.settle();
    }
    // What is retained for watchers, and no more.
    assertTrue(scene.memory.sharedBytes() <= (1 << 20) + LogMemory.LARGEST_CHUNK_BYTES);
    engine.pass(Duration.ofSeconds(2));
    End end = Objects.requireNonNull(running.job().status().end());
    assertEquals(Outcome.ABANDONED, end.outcome());
    assertEquals(KILLED, end.status());
    assertEquals(4 + 100 * dropped.length, end.stdout().bytes());
    assertEquals(end.stdout().bytes(), end.outputBytes());
  }

  @Test
  void runnerThatGoesMakesRoomForAWriterThatWaits() {
    Running running = scene.start(Spec.retaining(1_024));
    running.process().ignoreTerm();
    running.process().write(Stream.STDOUT, new byte[40_000]);
    engine.settle();
    assertTrue(running.process().isResting());
    running.follower().leave();
    engine.settle();
    assertFalse(running.process().isResting());
    engine.pass(Duration.ofSeconds(2));
    assertEquals(40_000, Objects.requireNonNull(running.job().status().end()).outputBytes());
  }

  @Test
  void runnerThatGoesBeforeTheStartPreventsIt() {
    TestFollower follower = scene.register();
    follower.job().start();
    follower.leave();
    FakeStart start = Objects.requireNonNull(engine.takeStart());
    // At once, whatever the pump has to do first.
    assertFalse(start.isClaimed());
    start.makeVoid();
    engine.settle();
    End end = Objects.requireNonNull(follower.job().status().end());
    assertEquals(Outcome.ABANDONED, end.outcome());
  }

  @Test
  void voidStartOfARunnerThatIsGoneNeedsNoOtherCause() {
    TestFollower follower = scene.register();
    follower.job().start();
    FakeStart start = Objects.requireNonNull(engine.takeStart());
    start.makeVoid();
    follower.leave();
    engine.settle();
    End end = Objects.requireNonNull(follower.job().status().end());
    assertEquals(Outcome.ABANDONED, end.outcome());
  }

  @Test
  void shutdownIsDoneWhenTheLastJobHasEnded() {
    Running ignoring = scene.start();
    ignoring.process().ignoreTerm();
    Running obeying = scene.start();
    TestFollower starting = scene.register();
    starting.job().start();
    CompletableFuture<Void> closed = scene.registry.close();
    engine.settle();
    FakeStart start = Objects.requireNonNull(engine.takeStart());
    assertFalse(start.isClaimed());
    start.makeVoid();
    engine.settle();
    assertEquals(Outcome.SHUTDOWN, starting.end().outcome());
    assertEquals(Outcome.SHUTDOWN, obeying.end().outcome());
    assertFalse(closed.isDone());
    engine.pass(Duration.ofSeconds(2));
    assertEquals(Outcome.SHUTDOWN, ignoring.end().outcome());
    assertTrue(closed.isDone());
    RejectedException refused =
        Assertions.assertThrows(
            RejectedException.class,
            () -> scene.registry.register(Scene.run(null, new Spec()), Scene.TESTER));
    assertEquals(ErrorCode.UNAVAILABLE, refused.code());
    List.of(ignoring.follower(), obeying.follower(), starting).forEach(TestFollower::leave);
  }

  @Test
  void shutdownOfNothingIsDoneAtOnce() {
    assertTrue(scene.registry.close().isDone());
  }

  private void cancel(Job job) {
    job.cancel(null, begun::add);
    engine.runTask();
  }
}
