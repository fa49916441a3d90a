package dev.runnel.job;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import org.junit.jupiter.api.Test;

/** The clock that measures how long pipes are read after an exit. */
class DrainClockTest {
  private final FakeEngine engine = new FakeEngine();
  private int done;

  @Test
  void silenceEndsIt() {
    clock(100, 1_000).run();
    expectEndAfter(100);
  }

  @Test
  void outputPutsTheSilenceOff() {
    DrainClock clock = clock(100, 1_000);
    clock.run();
    advance(60);
    clock.sawOutput();
    advance(60);
    clock.sawOutput();
    expectEndAfter(100);
  }

  @Test
  void outputDoesNotPutOffTheMaximum() {
    DrainClock clock = clock(100, 1_000);
    clock.run();
    for (int i = 0; i < 19; i++) {
      advance(50);
      clock.sawOutput();
    }
    expectEndAfter(50);
  }

  @Test
  void outputAfterTheFirstLookIsFollowedByAnotherTurnHoweverLateTheSecondIs() {
    DrainClock clock = clock(100, 1_000);
    clock.run();
    engine.schedule(
        Duration.ofMillis(100),
        () -> {
          clock.sawOutput();
          engine.standStill(Duration.ofMillis(100));
        });
    advance(100);
    // The pump has not asked yet whether there is more, or nobody left to write it.
    assertEquals(0, done);
    advance(0);
    assertEquals(1, done);
  }

  @Test
  void runningAgainIsGoingOn() {
    DrainClock clock = clock(100, 1_000);
    clock.run();
    advance(60);
    clock.run();
    expectEndAfter(40);
  }

  @Test
  void pauseStopsBothTimes() {
    DrainClock clock = clock(100, 150);
    clock.run();
    advance(90);
    clock.pause();
    clock.sawOutput();
    clock.pause();
    advance(1_000_000);
    assertEquals(0, done);
    clock.run();
    // 90 of 150 are used up; the silence begins anew.
    expectEndAfter(60);
  }

  @Test
  void pausesUseNothingUp() {
    DrainClock clock = clock(100, 1_000);
    for (int i = 0; i < 10; i++) {
      clock.run();
      advance(90);
      clock.pause();
      advance(500);
    }
    clock.run();
    expectEndAfter(100);
  }

  @Test
  void stoppedClockNeverEnds() {
    DrainClock clock = clock(100, 1_000);
    clock.run();
    advance(99);
    clock.stop();
    advance(10_000);
    assertEquals(0, done);
  }

  @Test
  void noTimeIsStillATurn() {
    clock(0, 0).run();
    assertEquals(0, done);
    expectEndAfter(0);
  }

  @Test
  void longestTimesDoNotOverflow() {
    DrainClock clock =
        new DrainClock(engine, Duration.ofDays(365), Duration.ofDays(365), () -> done++);
    clock.run();
    engine.advance(Duration.ofDays(364));
    clock.sawOutput();
    assertEquals(0, done);
    engine.advance(Duration.ofDays(1));
    assertEquals(1, done);
  }

  private DrainClock clock(int idleMillis, int maxMillis) {
    return new DrainClock(
        engine, Duration.ofMillis(idleMillis), Duration.ofMillis(maxMillis), () -> done++);
  }

  private void advance(int millis) {
    engine.advance(Duration.ofMillis(millis));
  }

  private void expectEndAfter(int millis) {
    if (millis > 0) {
      engine.advance(Duration.ofMillis(millis).minusNanos(1));
      assertEquals(0, done);
    }
    engine.advance(Duration.ofNanos(millis == 0 ? 0 : 1));
    assertEquals(1, done);
    advance(1_000_000);
    assertEquals(1, done);
  }
}
