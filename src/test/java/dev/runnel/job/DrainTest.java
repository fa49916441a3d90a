package dev.runnel.job;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.job.FakePipe.Holder;
import dev.runnel.job.Scene.Running;
import dev.runnel.job.Scene.Spec;
import dev.runnel.model.End;
import dev.runnel.model.JobState;
import dev.runnel.model.Leftover;
import dev.runnel.model.Outcome;
import dev.runnel.model.Stream;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A process that is gone, while something else holds its pipes or lives on. */
class DrainTest {
  private static final Duration DRAIN = Duration.ofSeconds(1);
  private static final Duration DRAIN_MAX = Duration.ofSeconds(10);
  private static final Duration TICK = Duration.ofMillis(1);
  private static final int RETAIN = 1_024;

  private final Scene scene = new Scene();
  private final FakeEngine engine = scene.engine;

  @AfterEach
  void nothingIsLeft() {
    scene.checkNothingIsLeft();
  }

  @Test
  void silentHolderIsClearedAfterTheDrainTime() {
    Running running = scene.start();
    running.process().fork(7, "sleep 60");
    running.process().hold(Holder.SURVIVOR, Stream.STDOUT);
    running.process().exit(0);
    engine.pass(DRAIN.minus(TICK));
    assertEquals(JobState.DRAINING, running.job().state());
    assertEquals(List.of(), running.process().graces());
    engine.pass(TICK);
    End end = running.end();
    assertEquals(Outcome.EXITED, end.outcome());
    assertFalse(end.drained());
    assertEquals(List.of(Duration.ofSeconds(2)), running.process().graces());
    assertEquals(List.of(new Leftover(7, "sleep 60", true)), end.leftovers());
    assertEquals(1, end.leftoversTotal());
    running.follower().leave();
  }

  @Test
  void everyOutputStartsTheDrainTimeAnew() {
    Running running = scene.start();
    running.process().hold(Holder.SURVIVOR, Stream.STDERR);
    running.process().exit(0);
    for (int i = 0; i < 5; i++) {
      engine.pass(DRAIN.minus(TICK));
      assertEquals(JobState.DRAINING, running.job().state());
      running.process().write(Stream.STDERR, "still here");
    }
    engine.settle();
    engine.pass(DRAIN.minus(TICK));
    assertEquals(JobState.DRAINING, running.job().state());
    engine.pass(TICK);
    running.follower().readAll();
    assertEquals(50, running.end().outputBytes());
    running.follower().leave();
  }

  @Test
  void holderThatKeepsWritingIsCutAtTheMaximum() {
    Running running = scene.start();
    running.process().fork(7, "yes");
    running.process().hold(Holder.SURVIVOR, Stream.STDOUT);
    running.process().exit(0);
    int written = 0;
    Duration step = Duration.ofMillis(100);
    for (Duration at = Duration.ZERO; at.compareTo(DRAIN_MAX) < 0; at = at.plus(step)) {
      assertEquals(JobState.DRAINING, running.job().state());
      running.process().write(Stream.STDOUT, "y\n");
      written += 2;
      engine.pass(step);
    }
    assertEquals(JobState.ENDED, running.job().state());
    running.follower().readAll();
    assertFalse(running.end().drained());
    assertEquals(written, running.end().outputBytes());
    running.follower().leave();
  }

  @Test
  void whatIsInThePipesOfAClearedTreeIsReadBeyondTheBound() {
    Running running = scene.start(Spec.retaining(RETAIN));
    running.process().fork(7, "yes");
    running.process().hold(Holder.SURVIVOR, Stream.STDOUT);
    running.process().exit(0);
    engine.settle();
    byte[] much = new byte[FakePipe.CAPACITY_BYTES];
    running.process().write(Stream.STDOUT, much);
    engine.settle();
    running.job().cancel(null, _ -> {});
    engine.pass(DRAIN_MAX);
    running.follower().readAll();
    assertEquals(much.length, running.end().outputBytes());
    assertArrayEquals(much, running.follower().bytes(Stream.STDOUT));
    running.follower().leave();
  }

  @Test
  void keptHolderLivesOnAndIsReadIntoNowhere() {
    Running running = scene.start(Spec.keep());
    running.process().fork(7, "daemon");
    running.process().hold(Holder.SURVIVOR, Stream.STDOUT);
    running.process().write(Stream.STDOUT, "ready");
    running.process().exit(0);
    engine.pass(DRAIN);
    running.follower().readAll();
    End end = running.end();
    assertFalse(end.drained());
    assertEquals(List.of(new Leftover(7, "daemon", false)), end.leftovers());
    assertEquals(5, end.outputBytes());
    assertEquals(List.of(), running.process().graces());
    assertTrue(running.process().isDiscarding());
    running.process().write(Stream.STDOUT, "more");
    engine.pass(DRAIN_MAX);
    assertEquals(5, running.job().status().outputBytes());
    running.follower().leave();
  }

  @Test
  void keptSurvivorThatClosedEverythingIsListed() {
    Running running = scene.start(Spec.keep());
    running.process().fork(7, "daemon");
    running.process().exit(0);
    engine.settle();
    assertTrue(running.end().drained());
    assertEquals(List.of(new Leftover(7, "daemon", false)), running.end().leftovers());
    assertEquals(List.of(), running.process().graces());
    running.follower().leave();
  }

  @Test
  void survivorThatClosedEverythingIsClearedAndListed() {
    Running running = scene.start();
    running.process().fork(7, "daemon");
    running.process().ignoreTerm();
    running.process().exit(0);
    engine.settle();
    assertNull(running.follower().endIfRead());
    engine.pass(Duration.ofSeconds(2));
    assertTrue(running.end().drained());
    assertEquals(Outcome.EXITED, running.end().outcome());
    assertEquals(List.of(new Leftover(7, "daemon", true)), running.end().leftovers());
    running.follower().leave();
  }

  @Test
  void strangerWhoHoldsThePipeIsCutOff() {
    Running running = scene.start();
    running.process().hold(Holder.STRANGER, Stream.STDOUT);
    running.process().exit(0);
    engine.pass(DRAIN);
    assertFalse(running.end().drained());
    assertEquals(List.of(), running.end().leftovers());
    assertFalse(running.process().pipe(Stream.STDOUT).isOpen());
    running.follower().leave();
  }

  @Test
  void clockStandsStillWhileThereIsNoRoom() {
    Running running = scene.start(Spec.retaining(RETAIN));
    running.process().hold(Holder.SURVIVOR, Stream.STDOUT);
    running.process().exit(0);
    engine.pass(Duration.ofMillis(900));
    running.process().write(Stream.STDOUT, new byte[RETAIN + 1]);
    engine.pass(Duration.ofDays(1));
    assertEquals(JobState.DRAINING, running.job().state());
    running.follower().readAll();
    // Whatever was read starts it anew.
    engine.pass(DRAIN.minus(TICK));
    assertEquals(JobState.DRAINING, running.job().state());
    engine.pass(TICK);
    running.follower().readAll();
    assertFalse(running.end().drained());
    assertEquals(RETAIN + 1, running.end().outputBytes());
    running.follower().leave();
  }

  @Test
  void clockDoesNotRunFromAnExitWithoutRoom() {
    Running running = scene.start(Spec.retaining(RETAIN));
    running.process().write(Stream.STDOUT, new byte[3 * RETAIN]);
    engine.settle();
    assertTrue(running.process().isResting());
    running.process().exit(0);
    engine.pass(Duration.ofDays(1));
    assertEquals(JobState.DRAINING, running.job().state());
    for (int i = 0; i < 3; i++) {
      assertEquals(JobState.DRAINING, running.job().state());
      running.follower().readAll();
      engine.pass(Duration.ofDays(1));
    }
    assertTrue(running.end().drained());
    assertEquals(3 * RETAIN, running.end().outputBytes());
    assertEquals(List.of(), running.process().graces());
    running.follower().leave();
  }

  @Test
  void maximumCountsOnlyTheTimeThatIsRead() {
    Running running = scene.start(Spec.retaining(RETAIN));
    running.process().hold(Holder.SURVIVOR, Stream.STDOUT);
    running.process().exit(0);
    Duration step = Duration.ofMillis(500);
    for (Duration read = Duration.ZERO; read.compareTo(DRAIN_MAX) < 0; read = read.plus(step)) {
      assertEquals(JobState.DRAINING, running.job().state());
      running.process().write(Stream.STDOUT, new byte[RETAIN + 1]);
      engine.pass(Duration.ofHours(1));
      running.follower().readAll();
      engine.pass(step);
      running.follower().readAll();
    }
    assertEquals(JobState.ENDED, running.job().state());
    assertFalse(running.end().drained());
    assertEquals(20 * (RETAIN + 1), running.end().outputBytes());
    running.follower().leave();
  }

  @Test
  void treeIsLookedAtOnceWhateverComesMeanwhile() {
    Running running = scene.start(Spec.retaining(RETAIN));
    running.process().fork(7, "yes");
    running.process().hold(Holder.SURVIVOR, Stream.STDOUT);
    running.process().answer(FakeProcess.Answers.WHEN_TOLD);
    running.process().exit(0);
    engine.pass(DRAIN);
    for (int i = 0; i < 5; i++) {
      running.process().write(Stream.STDOUT, new byte[RETAIN + 1]);
      engine.pass(DRAIN);
      assertTrue(running.process().isResting());
      running.follower().readAll();
      engine.pass(DRAIN);
      running.follower().readAll();
    }
    assertEquals(1, running.process().questions());
    running.process().answerSurvivors();
    engine.settle();
    running.follower().readAll();
    assertEquals(5 * (RETAIN + 1), running.end().outputBytes());
    running.follower().leave();
  }

  @Test
  void clockDoesNotRunWhileTheTreeIsBeingCleared() {
    Running running = scene.start(Spec.retaining(RETAIN));
    running.process().fork(7, "yes");
    running.process().ignoreTerm();
    running.process().hold(Holder.SURVIVOR, Stream.STDOUT);
    running.process().write(Stream.STDOUT, new byte[RETAIN + 500]);
    running.process().exit(0);
    engine.settle();
    running.job().cancel(null, _ -> {});
    engine.settle();
    running.follower().readAll();
    engine.pass(DRAIN.plus(TICK));
    assertEquals(JobState.DRAINING, running.job().state());
    engine.pass(DRAIN);
    running.follower().readAll();
    // Those who held the pipes are gone: nobody stopped waiting for them.
    assertTrue(running.end().drained());
    assertEquals(RETAIN + 500, running.end().outputBytes());
    running.follower().leave();
  }

  @Test
  void whatCameWhileThePumpWasHeldUpIsStillRead() {
    Running running = scene.start(Spec.keep());
    running.process().fork(7, "daemon");
    running.process().hold(Holder.SURVIVOR, Stream.STDOUT);
    running.process().exit(0);
    engine.settle();
    running.process().write(Stream.STDOUT, "late");
    engine.advance(DRAIN);
    assertEquals(JobState.DRAINING, running.job().state());
    engine.pass(DRAIN);
    running.follower().readAll();
    assertEquals(4, running.end().outputBytes());
    running.follower().leave();
  }

  @Test
  void noTimeAtAllStillReadsWhatIsThere() {
    Spec spec = new Spec();
    spec.drain = Duration.ZERO;
    spec.drainMax = Duration.ZERO;
    Running running = scene.start(spec);
    running.process().write(Stream.STDOUT, new byte[70_000]);
    running.process().hold(Holder.STRANGER, Stream.STDOUT);
    running.process().exit(0);
    engine.pass(Duration.ZERO);
    running.follower().readAll();
    assertEquals(FakePipe.CAPACITY_BYTES, running.end().outputBytes());
    assertFalse(running.end().drained());
    running.follower().leave();
  }
}
