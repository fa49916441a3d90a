package dev.runnel.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

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
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A job that is to end does so, whatever its start or its process waits for. */
class EveryStateEndsTest {
  private static final Duration A_MOMENT = Duration.ofSeconds(1);

  private final Scene scene = new Scene();
  private final FakeEngine engine = scene.engine;

  @AfterEach
  void nothingIsLeft() {
    scene.checkNothingIsLeft();
  }

  /** What ends a job from outside. */
  enum Cause {
    CANCELED,
    ABANDONED,
    SHUTDOWN,
    TIMED_OUT;

    Outcome outcome() {
      return Outcome.valueOf(name());
    }

    Spec spec() {
      Spec spec = new Spec();
      spec.timeout = this == TIMED_OUT ? Duration.ofSeconds(1) : null;
      return spec;
    }
  }

  private void happen(Cause cause, TestFollower follower) {
    switch (cause) {
      case CANCELED, SHUTDOWN -> follower.job().end(cause.outcome());
      case ABANDONED -> follower.leave();
      case TIMED_OUT -> engine.pass(Duration.ofSeconds(10));
    }
    engine.settle();
  }

  private End end(TestFollower follower) {
    return Objects.requireNonNull(follower.job().status().end());
  }

  @ParameterizedTest
  @EnumSource(Cause.class)
  void beforeItsStartIsTakenUp(Cause cause) {
    TestFollower follower = scene.register(cause.spec());
    happen(cause, follower);
    assertEquals(cause.outcome(), end(follower).outcome());
    assertNull(end(follower).status());
    follower.leave();
    assertEquals(0, scene.registry.places());
    // What it waited for comes back after all.
    follower.job().start();
    assertNull(engine.takeStart());
  }

  @ParameterizedTest
  @EnumSource(Cause.class)
  void whileItsStartWaitsForAThread(Cause cause) {
    TestFollower follower = scene.register(cause.spec());
    follower.job().start();
    happen(cause, follower);
    assertEquals(cause.outcome(), end(follower).outcome());
    FakeStart late = Objects.requireNonNull(engine.takeStart());
    assertFalse(late.isClaimed());
    late.makeVoid();
    engine.settle();
    follower.leave();
    assertEquals(0, scene.registry.places());
  }

  @ParameterizedTest
  @EnumSource(Cause.class)
  void whileTheSystemDoesNotComeBackFromMakingItsProcess(Cause cause) {
    TestFollower follower = scene.register(cause.spec());
    follower.job().start();
    FakeStart hung = Objects.requireNonNull(engine.takeStart());
    assertTrue(hung.isClaimed());
    happen(cause, follower);
    engine.pass(Duration.ofSeconds(2));
    assertEquals(cause.outcome(), end(follower).outcome());
    follower.leave();
    assertEquals(0, scene.registry.places());

    FakeProcess late = hung.make();
    engine.pass(A_MOMENT);
    assertTrue(late.hasExited());
    assertNull(follower.job().started());
  }

  @ParameterizedTest
  @EnumSource(Cause.class)
  void whenNoSignalEndsItsProcess(Cause cause) {
    Running running = scene.start(cause.spec());
    running.process().beBeyondSignals();
    running.process().write(Stream.STDOUT, "so far");
    engine.settle();
    happen(cause, running.follower());
    engine.pass(Duration.ofSeconds(2).plus(FakeProcess.KILL_PATIENCE));
    engine.pass(A_MOMENT);
    End end = end(running.follower());
    assertEquals(cause.outcome(), end.outcome());
    assertNull(end.status());
    assertNotNull(end.startedAt());
    assertNotNull(end.duration());
    assertEquals(6, end.outputBytes());
    assertEquals(List.of(new Leftover(running.process().pid(), "true", false)), end.leftovers());
    assertEquals(1, end.leftoversTotal());
    running.follower().leave();
    assertEquals(1, scene.registry.places(), "the process is still there");

    List<Job> gone = new ArrayList<>();
    scene.registry.onGone(gone::add);
    running.process().exit(new ExitStatus.Signaled(Signal.KILL.number()));
    engine.settle();
    assertEquals(List.of(running.job()), gone);
    assertEquals(0, scene.registry.places());
    assertEquals(end, running.job().status().end());
  }

  @Test
  void byForceWhenNothingElseDoes() {
    Running running = scene.start();
    running.process().beBeyondSignals();
    running.job().giveUp(Outcome.SHUTDOWN);
    engine.settle();
    assertEquals(Outcome.SHUTDOWN, end(running.follower()).outcome());
    assertFalse(end(running.follower()).drained());
    running.follower().leave();
    running.process().exit(0);
    engine.settle();
  }

  @Test
  void thoughWhoIsToldOfItThrows() {
    AtomicInteger told = new AtomicInteger();
    scene.registry.onOver(
        _ -> {
          told.incrementAndGet();
          throw new StackOverflowError("a mistake");
        });
    Running running = scene.start();
    try {
      running.process().exit(0);
      engine.settle();
    } catch (StackOverflowError _) {
      // The pump survives it.
    }
    engine.settle();
    assertEquals(1, told.get());
    assertEquals(Outcome.EXITED, end(running.follower()).outcome());
    running.follower().readAll();
    running.follower().leave();
    scene.registry.onOver(_ -> {});
  }

  @Test
  void onceAndARefusalThatComesLateChangesNothing() {
    TestFollower follower = scene.register();
    follower.job().cancel(null, _ -> {});
    follower.job().refuse(new RejectedException(ErrorCode.UNAVAILABLE, "too late"));
    engine.settle();
    assertEquals(JobState.ENDED, follower.job().state());
    assertNull(follower.job().refusal());
    follower.leave();
  }
}
