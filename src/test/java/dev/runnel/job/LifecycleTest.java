package dev.runnel.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.job.Scene.Running;
import dev.runnel.job.Scene.Spec;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.End;
import dev.runnel.model.ErrorCode;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.JobState;
import dev.runnel.model.Outcome;
import dev.runnel.model.Signal;
import dev.runnel.model.StartFailure;
import dev.runnel.model.Stream;
import dev.runnel.model.StreamTotal;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A job from its start to its end, when nobody interferes. */
class LifecycleTest {
  private final Scene scene = new Scene();
  private final FakeEngine engine = scene.engine;

  @AfterEach
  void nothingIsLeft() {
    scene.checkNothingIsLeft();
  }

  @Test
  void endTellsExitCodeTotalsAndTimes() {
    Running running = scene.start();
    running.process().write(Stream.STDOUT, "out");
    running.process().write(Stream.STDERR, "error");
    engine.pass(Duration.ofMillis(30));
    running.process().exit(3);
    engine.settle();
    running.follower().readAll();
    End end = running.end();
    assertEquals(Outcome.EXITED, end.outcome());
    assertEquals(new ExitStatus.Exited(3), end.status());
    // As zlib.crc32 in Python gives them.
    assertEquals(new StreamTotal(3, 0xb9ea6d99L), end.stdout());
    assertEquals(new StreamTotal(5, 0x5dddbc71L), end.stderr());
    assertEquals(8, end.outputBytes());
    assertTrue(end.drained());
    assertEquals(List.of(), end.leftovers());
    assertEquals(0, end.leftoversTotal());
    assertEquals(Duration.ofMillis(30), end.duration());
    assertEquals(FakeProcess.CPU, end.cpu());
    assertEquals("out", running.follower().text(Stream.STDOUT));
    assertEquals("error", running.follower().text(Stream.STDERR));
    running.follower().leave();
  }

  @Test
  void lostProcessIsALostJobAndKeepsNoPlace() {
    Running running = scene.start();
    running.process().write(Stream.STDOUT, "seen");
    engine.settle();
    running.process().write(Stream.STDOUT, "unseen");
    running.process().lose();
    engine.settle();
    running.follower().readAll();
    End end = running.end();
    assertEquals(Outcome.LOST, end.outcome());
    assertEquals(new ExitStatus.Signaled(9), end.status());
    assertEquals(4, end.stdout().bytes());
    assertFalse(end.drained());
    running.follower().leave();
  }

  @Test
  void aKillForMemoryIsTold() {
    Running running = scene.start();
    running.process().killForMemory();
    engine.settle();
    assertTrue(running.end().oom());
    assertEquals(Outcome.SIGNALED, running.end().outcome());
    running.follower().leave();
    Running other = scene.start();
    other.process().exit(new ExitStatus.Signaled(9));
    engine.settle();
    assertFalse(other.end().oom());
    other.follower().leave();
  }

  @Test
  void signalIsNoExitCode() {
    Running running = scene.start();
    running.process().exit(new ExitStatus.Signaled(15));
    engine.settle();
    assertEquals(Outcome.SIGNALED, running.end().outcome());
    assertEquals(new ExitStatus.Signaled(15), running.end().status());
    running.follower().leave();
  }

  @Test
  void exitCode143IsNoSignal() {
    Running running = scene.start();
    running.process().exit(143);
    engine.settle();
    assertEquals(Outcome.EXITED, running.end().outcome());
    running.follower().leave();
  }

  @Test
  void mergedStderrHasNoPipeToWaitFor() {
    Spec spec = new Spec();
    spec.stderr = CommandSpec.Stderr.MERGED;
    Running running = scene.start(spec);
    running.process().exit(0);
    engine.settle();
    assertEquals(new StreamTotal(0, 0), running.end().stderr());
    running.follower().leave();
  }

  @Test
  void endComesAfterTheLastOutput() {
    Running running = scene.start();
    running.process().write(Stream.STDOUT, "last words");
    running.process().exit(0);
    engine.runTasks();
    assertNull(running.follower().endIfRead());
    assertEquals(JobState.DRAINING, running.job().state());
    engine.settle();
    assertEquals(JobState.ENDED, running.job().state());
    assertNull(running.follower().endIfRead());
    running.follower().readAll();
    assertEquals(10, running.end().outputBytes());
    running.follower().leave();
  }

  @Test
  void exitIsToldBeforeTheOutputCloses() {
    Running running = scene.start();
    running.process().hold(FakePipe.Holder.SURVIVOR, Stream.STDERR);
    engine.settle();
    int wakes = running.follower().wakes();
    running.process().exit(0);
    assertEquals(wakes + 1, running.follower().wakes());
    assertEquals(new ExitStatus.Exited(0), running.job().exitStatus());
    engine.settle();
    assertEquals(JobState.DRAINING, running.job().state());
    running.process().release(FakePipe.Holder.SURVIVOR, Stream.STDERR);
    engine.settle();
    assertTrue(running.end().drained());
    running.follower().leave();
  }

  @Test
  void outputMayCloseLongBeforeTheExit() {
    Running running = scene.start();
    running.process().close(Stream.STDOUT);
    running.process().close(Stream.STDERR);
    engine.pass(Duration.ofHours(1));
    assertEquals(JobState.RUNNING, running.job().state());
    running.process().exit(0);
    engine.settle();
    assertTrue(running.end().drained());
    running.follower().leave();
  }

  @Test
  void outputThatFillsAChunkExactlyGivesItsMemoryBack() {
    for (int bytes : new int[] {4_095, 4_096, 4_097, 20_480, 65_536}) {
      Running running = scene.start();
      running.process().write(Stream.STDOUT, new byte[bytes]);
      engine.settle();
      running.process().exit(0);
      engine.settle();
      running.follower().readAll();
      assertEquals(bytes, running.end().outputBytes());
      running.follower().leave();
      scene.checkNothingIsLeft();
    }
  }

  @Test
  void startFailureEndsAJobThatNeverStarted() {
    TestFollower follower = scene.register();
    follower.job().start();
    StartFailure failure = new StartFailure("ENOENT", StartFailure.At.EXEC, "not there");
    Objects.requireNonNull(engine.takeStart()).fail(failure);
    assertNull(follower.endIfRead());
    engine.settle();
    End end = follower.end();
    assertEquals(Outcome.START_FAILED, end.outcome());
    assertEquals(failure, end.failure());
    assertNull(end.status());
    assertNull(end.startedAt());
    assertNull(end.duration());
    assertNull(end.cpu());
    assertNull(follower.job().started());
    assertSame(end, Objects.requireNonNull(scene.status(end.job())).end());
    follower.leave();
  }

  @Test
  void refusedStartLeavesNoTrace() throws Exception {
    TestFollower follower =
        new TestFollower(
            scene.registry.register(Scene.run("name", new Spec()), Scene.TESTER).job());
    follower.job().start();
    Objects.requireNonNull(engine.takeStart()).refuse("16 starts hang already");
    engine.settle();
    RejectedException refusal = Objects.requireNonNull(follower.job().refusal());
    assertEquals(ErrorCode.UNAVAILABLE, refusal.code());
    assertEquals("16 starts hang already", refusal.getMessage());
    assertNull(follower.endIfRead());
    assertNull(scene.status(Scene.id("name")));
    follower.leave();
    Job again = scene.registry.register(Scene.run("name", new Spec()), Scene.TESTER).job();
    scene.end(new TestFollower(again));
  }

  @Test
  void refusedJobDoesNotStartAfterAll() {
    TestFollower follower = scene.register();
    follower.job().refuse(new RejectedException(ErrorCode.UNAVAILABLE, "no worker"));
    engine.settle();
    // The message was slow, not lost.
    follower.job().start();
    assertNull(engine.takeStart());
    assertNull(follower.job().started());
    assertNotNull(follower.job().refusal());
    follower.leave();
  }

  @Test
  void processMadeDuringTheRefusalIsEnded() {
    TestFollower follower = scene.register(Spec.withStdin());
    follower.job().start();
    FakeStart start = Objects.requireNonNull(engine.takeStart());
    assertTrue(start.isClaimed());
    follower.job().refuse(new RejectedException(ErrorCode.UNAVAILABLE, "no worker"));
    FakeProcess process = start.make();
    engine.settle();
    assertTrue(process.hasExited());
    assertEquals(List.of(Duration.ZERO), process.graces());
    assertNull(follower.job().started());
    assertEquals(JobState.ENDED, follower.job().state());
    assertNull(follower.endIfRead());
    follower.leave();
  }

  @Test
  void noSignalBeforeTheStartIsLostHoweverManyThereAre() {
    TestFollower follower = scene.register();
    follower.job().start();
    for (int i = 0; i < 1_000; i++) {
      follower.job().signal(Signal.USR1);
    }
    for (Signal signal : Signal.values()) {
      follower.job().signal(signal);
    }
    engine.runTasks();
    FakeProcess process = engine.spawn();
    assertTrue(process.signals().containsAll(List.of(Signal.values())));
    assertTrue(process.signals().size() < 100);
    process.exit(0);
    engine.settle();
    follower.leave();
  }

  @Test
  void signalsBeforeTheStartAreDeliveredAtItInOrder() {
    TestFollower follower = scene.register();
    follower.job().start();
    follower.job().signal(Signal.HUP);
    follower.job().signal(Signal.INT);
    follower.job().signal(Signal.HUP);
    engine.runTasks();
    FakeProcess process = engine.spawn();
    assertEquals(List.of(Signal.HUP, Signal.INT, Signal.HUP), process.signals());
    follower.job().signal(Signal.TERM);
    engine.runTasks();
    assertEquals(4, process.signals().size());
    process.exit(0);
    engine.settle();
    follower.leave();
  }

  @Test
  void noSignalAfterTheEnd() {
    Running running = scene.start(Spec.keep());
    running.process().fork(7, "sleep");
    running.process().exit(0);
    engine.settle();
    assertEquals(JobState.ENDED, running.job().state());
    running.job().signal(Signal.TERM);
    engine.settle();
    assertEquals(List.of(), running.process().signals());
    running.follower().leave();
  }

  @Test
  void stdinBeforeTheStartIsFedAtIt() {
    TestFollower follower = scene.register(Spec.withStdin());
    Job job = follower.job();
    job.start();
    assertEquals(Job.StdinAnswer.TAKEN, job.offerStdin(follower, 0, ascii("hel"), false));
    engine.runTasks();
    FakeProcess process = engine.spawn();
    assertEquals("hel", new String(process.input(), StandardCharsets.US_ASCII));
    assertEquals(3, job.stdinTaken());
    assertEquals(Job.StdinAnswer.TAKEN, job.offerStdin(follower, 3, ascii("lo"), true));
    assertFalse(job.isStdinEnded());
    engine.runTasks();
    assertEquals("hello", new String(process.input(), StandardCharsets.US_ASCII));
    assertEquals(5, job.stdinTaken());
    assertTrue(job.isStdinEnded());
    assertFalse(process.isInputOpen());
    process.exit(0);
    engine.settle();
    follower.leave();
  }

  @Test
  void emptyStdinClosesAtTheStart() {
    TestFollower follower = scene.register(Spec.withStdin());
    follower.job().start();
    follower.job().offerStdin(follower, 0, new byte[0], true);
    engine.runTasks();
    FakeProcess process = engine.spawn();
    assertFalse(process.isInputOpen());
    assertTrue(follower.job().isStdinEnded());
    process.exit(0);
    engine.settle();
    follower.leave();
  }

  @Test
  void stdinClosesOnlyOnceThePipeHasTakenAllOfIt() {
    Running running = scene.start(Spec.withStdin());
    running.process().takeInput(2);
    running.job().offerStdin(running.follower(), 0, ascii("hello"), true);
    engine.runTasks();
    assertEquals(2, running.job().stdinTaken());
    assertTrue(running.process().isInputOpen());
    int wakes = running.follower().wakes();
    running.process().takeInput(3);
    assertEquals(5, running.job().stdinTaken());
    assertFalse(running.process().isInputOpen());
    assertTrue(running.follower().wakes() > wakes);
    running.process().exit(0);
    engine.settle();
    running.follower().leave();
  }

  @Test
  void brokenStdinIsToldAndWhatStillComesIsDropped() {
    Running running = scene.start(Spec.withStdin());
    running.process().takeInput(0);
    running.job().offerStdin(running.follower(), 0, ascii("hello"), false);
    engine.runTasks();
    int wakes = running.follower().wakes();
    running.process().breakInput();
    assertTrue(running.job().isStdinBroken());
    assertTrue(running.follower().wakes() > wakes);
    assertEquals(
        Job.StdinAnswer.TAKEN,
        running.job().offerStdin(running.follower(), 5, ascii("more"), true));
    engine.settle();
    assertEquals(0, running.job().stdinTaken());
    assertFalse(running.job().isStdinEnded());
    running.process().exit(0);
    engine.settle();
    running.follower().leave();
  }

  @Test
  void stdinAfterTheEndIsDropped() {
    Running running = scene.start(Spec.withStdin());
    running.process().exit(0);
    engine.settle();
    assertEquals(
        Job.StdinAnswer.TAKEN,
        running.job().offerStdin(running.follower(), 0, ascii("late"), true));
    engine.settle();
    assertEquals(0, running.process().input().length);
    running.follower().leave();
  }

  @Test
  void jobWithoutStdinTakesNone() {
    Running running = scene.start();
    assertEquals(
        Job.StdinAnswer.TAKEN,
        running.job().offerStdin(running.follower(), 7, ascii("hole"), false));
    running.process().exit(0);
    engine.settle();
    running.follower().leave();
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }
}
