package dev.runnel.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.job.Scene.Running;
import dev.runnel.job.Scene.Spec;
import dev.runnel.model.End;
import dev.runnel.model.ErrorCode;
import dev.runnel.model.JobSpec.Leftovers;
import dev.runnel.model.Outcome;
import dev.runnel.model.Retention;
import dev.runnel.model.Retention.OnFull;
import dev.runnel.model.Stream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** What becomes of a job whose runner is gone: every combination comes to an end. */
class LingeringTest {
  private static final Duration MINUTE = Duration.ofMinutes(1);
  private static final Duration HOUR = Duration.ofHours(1);
  private static final int RETAIN = 4_096;

  private final Scene scene = new Scene();
  private final FakeEngine engine = scene.engine;

  /** What a run asks for, and how its runner goes. */
  record Case(Duration linger, OnFull onFull, Duration keep, Leftovers leftovers, Gone gone) {}

  /** How a runner goes. */
  enum Gone {
    LOST,
    DETACHED
  }

  static final List<Case> CASES = cases();

  private static List<Case> cases() {
    List<Case> cases = new ArrayList<>();
    for (Duration linger : List.of(Duration.ZERO, MINUTE, Retention.FOREVER)) {
      for (OnFull onFull : List.of(OnFull.BLOCK, OnFull.DROP)) {
        for (Duration keep : List.of(Duration.ZERO, Duration.ofHours(1))) {
          for (Leftovers leftovers : Leftovers.values()) {
            for (Gone gone : Gone.values()) {
              cases.add(new Case(linger, onFull, keep, leftovers, gone));
            }
          }
        }
      }
    }
    return cases;
  }

  @AfterEach
  void nothingIsLeft() {
    engine.pass(Duration.ofHours(2));
    scene.checkNothingIsLeft();
  }

  /** It writes more than is retained, exits, and leaves something behind that holds its pipes. */
  @ParameterizedTest
  @FieldSource("CASES")
  void everyCombinationComesToAnEnd(Case how) {
    Spec spec = Spec.retaining(RETAIN);
    spec.leftovers = how.leftovers;
    spec.lasting = new Retention(how.linger, how.keep, how.onFull, OptionalLong.empty());
    Running running = scene.start(spec);
    FakeProcess process = running.process();
    go(running, how.gone);
    engine.settle();
    process.write(Stream.STDOUT, new byte[3 * RETAIN]);
    engine.settle();
    if (!process.hasExited()) {
      process.hold(FakePipe.Holder.SURVIVOR, Stream.STDOUT);
      process.exit(0);
    }
    End early = endAfter(running, Duration.ofSeconds(30));
    End end = early == null ? endAfter(running, Duration.ofDays(2)) : early;
    assertNotNull(end, () -> "no end: " + how);
    assertEquals(expected(how), end.outcome(), how::toString);
    assertEquals(!waitsForARunner(how), early != null, how::toString);
    long written = end.stdout().bytes();
    boolean mayBeCut = isAbandonedAtOnce(how) || how.leftovers == Leftovers.KEEP;
    assertTrue(mayBeCut || written == 3 * RETAIN, () -> "written: " + written);
    if (how.keep.isZero()) {
      engine.pass(Duration.ofSeconds(11));
      assertNull(scene.status(running.job().id()));
    } else {
      assertNotNull(scene.status(running.job().id()));
    }
  }

  private static boolean waitsForARunner(Case how) {
    return how.onFull == OnFull.BLOCK && !isAbandonedAtOnce(how);
  }

  private static boolean isAbandonedAtOnce(Case how) {
    return how.gone == Gone.LOST && how.linger.isZero();
  }

  private static Outcome expected(Case how) {
    return isAbandonedAtOnce(how) || how.onFull == OnFull.BLOCK
        ? Outcome.ABANDONED
        : Outcome.EXITED;
  }

  private static void go(Running running, Gone gone) {
    if (gone == Gone.LOST) {
      running.follower().leave();
    } else {
      running.follower().detach();
    }
  }

  private @Nullable End endAfter(Running running, Duration time) {
    for (Duration passed = Duration.ZERO;
        passed.compareTo(time) < 0 && running.job().status().end() == null;
        passed = passed.plus(time.dividedBy(100))) {
      engine.pass(time.dividedBy(100));
    }
    return running.job().status().end();
  }

  @Test
  void clockBeginsAnewEachTimeTheSeatIsLeft() {
    Spec spec = new Spec();
    spec.lasting = Retention.DEFAULT.withLinger(MINUTE);
    Running running = scene.start(spec);
    running.follower().leave();
    engine.pass(MINUTE.minusSeconds(1));
    TestFollower back = TestFollower.takeSeat(running.job(), 0);
    engine.pass(MINUTE);
    back.leave();
    engine.pass(MINUTE.minusSeconds(1));
    assertNull(running.job().status().end());
    engine.pass(Duration.ofSeconds(3));
    assertEquals(Outcome.ABANDONED, Objects.requireNonNull(running.job().status().end()).outcome());
  }

  @Test
  void jobMayStartWithoutItsRunnerIfItMayLinger() {
    Spec spec = new Spec();
    spec.lasting = Retention.DEFAULT.withLinger(MINUTE);
    TestFollower follower = scene.register(spec);
    follower.leave();
    follower.job().start();
    FakeProcess process = engine.spawn();
    process.exit(0);
    engine.settle();
    assertEquals(Outcome.EXITED, Objects.requireNonNull(follower.job().status().end()).outcome());
  }

  @Test
  void noClockRunsForAJobThatWasRefused() {
    int before = engine.timers();
    Spec spec = new Spec();
    spec.lasting = Retention.DEFAULT.withLinger(Duration.ofDays(365));
    TestFollower told = scene.register(spec);
    told.job().refuse(new RejectedException(ErrorCode.UNAVAILABLE, "no"));
    engine.settle();
    told.leave();
    assertEquals(before, engine.timers());
    TestFollower gone = scene.register(spec);
    gone.leave();
    gone.job().refuse(new RejectedException(ErrorCode.UNAVAILABLE, "no"));
    engine.settle();
    assertEquals(before, engine.timers());
  }

  @Test
  void lingeringLongerThanTheNodeAllowsIsRefused() {
    JobLimits strict = new JobLimits(3, 1 << 20, 4, MINUTE, HOUR, HOUR, HOUR, HOUR, HOUR);
    Scene limited = new Scene(new LogMemory(1 << 20, 4), strict);
    for (Duration linger : List.of(HOUR.plusMillis(1), Retention.FOREVER)) {
      Spec spec = new Spec();
      spec.lasting = Retention.DEFAULT.withLinger(linger);
      RejectedException refused =
          assertThrows(
              RejectedException.class,
              () -> limited.registry.register(Scene.run(null, spec), Scene.TESTER));
      assertTrue(refused.getMessage().endsWith("(limit: 3600000)"), refused::getMessage);
    }
  }
}
