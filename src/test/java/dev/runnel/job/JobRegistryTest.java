package dev.runnel.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.job.Scene.Spec;
import dev.runnel.model.Caller;
import dev.runnel.model.End;
import dev.runnel.model.ErrorCode;
import dev.runnel.model.JobId;
import dev.runnel.model.JobState;
import dev.runnel.model.JobStatus;
import dev.runnel.model.Outcome;
import dev.runnel.model.Request;
import dev.runnel.model.Retention;
import dev.runnel.model.Stream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Names, places and what is known of jobs. */
class JobRegistryTest {
  private static final int CROWD = 1_000;
  private static final Duration SWEEP = Duration.ofSeconds(10);

  private final Scene scene = new Scene();
  private final FakeEngine engine = scene.engine;
  private final JobRegistry registry = scene.registry;

  @AfterEach
  void nothingIsLeft() {
    scene.checkNothingIsLeft();
  }

  // Names.

  @Test
  void nameInUseIsTaken() throws Exception {
    TestFollower first = follow("name");
    RejectedException refused = refused("name", new Spec());
    assertEquals(ErrorCode.JOB_EXISTS, refused.code());
    assertEquals("job: name exists", refused.getMessage());
    assertEquals(1, registry.places());
    scene.end(first);
  }

  @Test
  void nameIsTakenUntilTheEndIsForgotten() throws Exception {
    scene.end(follow("name"));
    assertEquals(ErrorCode.JOB_EXISTS, refused("name", new Spec()).code());
    engine.pass(Scene.LIMITS.keep());
    assertEquals(ErrorCode.JOB_EXISTS, refused("name", new Spec()).code());
    engine.pass(SWEEP);
    assertNull(scene.status(Scene.id("name")));
    scene.end(follow("name"));
  }

  @Test
  void whatIsToBeKeptForLongOutlivesWhatIsNot() throws Exception {
    TestFollower night = follow("night", keeping(Duration.ofDays(1)));
    scene.end(night);
    for (int i = 0; i < 3 * Scene.LIMITS.maxEnded(); i++) {
      scene.end(follow("quick-" + i));
    }
    assertNotNull(scene.status(Scene.id("night")));
    assertNull(scene.status(Scene.id("quick-0")));
    assertEquals(Scene.LIMITS.maxEnded(), registry.list(_ -> true, 100).size());
    engine.pass(Duration.ofDays(2));
    assertNull(scene.status(Scene.id("night")));
  }

  // Whoever lost the connection over which it would have been told comes back for it.
  @Test
  void whatEndedLastIsKnownWhateverElseIsKept() throws Exception {
    for (int i = 0; i < Scene.LIMITS.maxEnded(); i++) {
      scene.end(follow("kept-" + i, keeping(Duration.ofDays(1 + i))));
    }
    scene.end(follow("quick"));
    assertNotNull(scene.status(Scene.id("quick")));
    assertNull(scene.status(Scene.id("kept-0")));
    scene.end(follow("quicker"));
    assertNull(scene.status(Scene.id("quick")));
    assertNotNull(scene.status(Scene.id("quicker")));
    assertNotNull(scene.status(Scene.id("kept-1")));
    engine.pass(Duration.ofDays(9));
  }

  private static final Duration DAY = Duration.ofDays(1);

  private static Spec keeping(Duration keep) {
    Spec spec = new Spec();
    spec.lasting = Retention.DEFAULT.withKeep(keep);
    return spec;
  }

  @Test
  void endsBeyondTheirNumberAreForgottenOldestFirst() throws Exception {
    List<String> names = List.of("a", "b", "c", "d", "e", "f");
    for (String name : names) {
      scene.end(follow(name));
    }
    assertEquals(Scene.LIMITS.maxEnded(), registry.list(_ -> true, 100).size());
    for (int i = 0; i < names.size(); i++) {
      boolean known = i >= names.size() - Scene.LIMITS.maxEnded();
      assertEquals(known, scene.status(Scene.id(names.get(i))) != null);
    }
    scene.end(follow("a"));
    assertEquals(ErrorCode.JOB_EXISTS, refused("f", new Spec()).code());
  }

  private static JobOrigin of(String principal) {
    return JobOrigin.of(new Caller(principal, "unix", Caller.Via.UNIX));
  }

  private void runToItsEnd(Request.Run run, JobOrigin origin) throws Exception {
    scene.end(new TestFollower(registry.register(run, origin).job()));
  }

  @Test
  void whoHasMostLosesFirst() throws Exception {
    int most = Scene.LIMITS.maxEnded();
    runToItsEnd(Scene.run("mine", new Spec()), of("victim"));
    for (int i = 0; i < 3 * most; i++) {
      runToItsEnd(Scene.run("churn-" + i, keeping(Duration.ofDays(1))), of("churner"));
    }
    assertNotNull(scene.status(Scene.id("mine")));
    assertEquals(most, registry.list(_ -> true, 100).size());
    for (int i = 0; i < 3 * most; i++) {
      runToItsEnd(Scene.run("one-" + i, keeping(Duration.ofDays(2))), of("crowd-" + i));
      assertNotNull(scene.status(Scene.id("one-" + i)));
    }
    assertEquals(most, registry.list(_ -> true, 100).size());
    engine.pass(Duration.ofDays(3));
  }

  @Test
  void whatWasRunOnceIsNotRunAgainThoughItsJobIsForgotten() throws Exception {
    Request.Run once = new Request.Run(Scene.id("once"), "o-1", keeping(DAY).build(), null);
    runToItsEnd(once, Scene.TESTER);
    for (int i = 0; i < 3 * Scene.LIMITS.maxEnded(); i++) {
      runToItsEnd(Scene.run("churn-" + i, keeping(DAY.multipliedBy(2))), Scene.TESTER);
    }
    assertNull(scene.status(Scene.id("once")));
    RejectedException e =
        assertThrows(RejectedException.class, () -> registry.register(once, Scene.TESTER));
    assertEquals(ErrorCode.JOB_EXISTS, e.code());
    assertEquals("job: once was run, and is not known any more", e.getMessage());
    // The name is free, and so is what another means by it.
    runToItsEnd(new Request.Run(Scene.id("once"), "o-2", new Spec().build(), null), Scene.TESTER);
    engine.pass(Scene.LIMITS.keep().plus(SWEEP));
    runToItsEnd(new Request.Run(Scene.id("once"), "o-1", new Spec().build(), null), of("other"));
    engine.pass(DAY.plus(SWEEP));
    runToItsEnd(once, Scene.TESTER);
    engine.pass(DAY.multipliedBy(3));
  }

  @Test
  void generatedNamesAreValidAndDiffer() throws Exception {
    Set<JobId> ids = new HashSet<>();
    for (int i = 0; i < 1_000; i++) {
      TestFollower follower = scene.register();
      assertTrue(ids.add(follower.job().id()));
      assertTrue(JobId.isValid(follower.job().id().value()));
      follower.job().refuse(new RejectedException(ErrorCode.UNAVAILABLE, "no worker"));
      engine.settle();
    }
  }

  // Limits.

  @Test
  void jobsInAllAreLimited() throws Exception {
    List<Scene.Running> running = new ArrayList<>();
    for (int i = 0; i < Scene.MAX_JOBS; i++) {
      running.add(scene.start());
    }
    RejectedException refused = refused("late", new Spec());
    assertEquals(ErrorCode.BUSY, refused.code());
    assertEquals("jobs: limit: 6", refused.getMessage());
    assertEquals(Scene.MAX_JOBS, registry.places());
    running.getFirst().process().exit(0);
    engine.settle();
    // Its output may not have been read yet.
    assertEquals(ErrorCode.BUSY, refused("late", new Spec()).code());
    running.getFirst().follower().leave();
    TestFollower late = follow("late");
    scene.end(late);
    for (Scene.Running other : running.subList(1, running.size())) {
      other.process().exit(0);
      engine.settle();
      other.follower().leave();
    }
  }

  @Test
  void startsThatWaitAreLimited() throws Exception {
    List<TestFollower> waiting = new ArrayList<>();
    for (int i = 0; i < Scene.LIMITS.maxQueuedStarts(); i++) {
      waiting.add(scene.register());
    }
    RejectedException refused = refused("late", new Spec());
    assertEquals(ErrorCode.BUSY, refused.code());
    assertEquals("queued starts: limit: 3", refused.getMessage());
    assertEquals(3, registry.places());
    waiting.getFirst().job().start();
    FakeProcess process = engine.spawn();
    TestFollower late = follow("late");
    assertEquals(ErrorCode.BUSY, refused("later", new Spec()).code());
    process.exit(0);
    engine.settle();
    waiting.getFirst().leave();
    scene.end(waiting.get(1));
    scene.end(waiting.get(2));
    scene.end(late);
  }

  @Test
  void retainIsLimited() throws Exception {
    Spec most = Spec.retaining(Scene.LIMITS.maxRetainBytes());
    scene.end(scene.register(most));
    RejectedException refused = refused("late", Spec.retaining(Scene.LIMITS.maxRetainBytes() + 1));
    assertEquals(ErrorCode.BAD_REQUEST, refused.code());
    assertEquals("retain: 67108865 (limit: 67108864)", refused.getMessage());
  }

  @Test
  void placeIsGivenBackWhateverGoesWrong() {
    Spec endless = new Spec();
    endless.drain = Duration.ofSeconds(Long.MAX_VALUE);
    for (int i = 0; i < 10; i++) {
      assertThrows(
          ArithmeticException.class,
          () -> registry.register(Scene.run(null, endless), Scene.TESTER));
    }
    assertEquals(0, registry.places());
  }

  @Test
  void placeIsGivenBackThoughWhatIsLentIsNot() {
    Scene.Running running = scene.start();
    running.process().write(Stream.STDOUT, "output");
    engine.settle();
    assertTrue(running.follower().hold(100));
    running.process().exit(0);
    engine.settle();
    running.follower().leave();
    assertEquals(0, registry.places());
    engine.pass(Scene.LIMITS.keep());
    engine.pass(SWEEP);
    assertTrue(scene.memory.sharedBytes() > 0);
    running.follower().closeAllHeld();
    assertEquals(0, scene.memory.sharedBytes());
  }

  @Test
  void placeIsFreeOnceTheEndIsSeen() {
    Scene.Running running = scene.start();
    TestFollower follower = running.follower();
    List<Integer> places = new ArrayList<>();
    follower.onWake(
        () -> {
          follower.readAll();
          if (follower.endIfRead() != null && places.isEmpty()) {
            follower.leaveTold();
            places.add(registry.places());
          }
        });
    // It has read all so far, and waits for more.
    follower.readAll();
    running.process().exit(0);
    engine.settle();
    assertEquals(List.of(0), places);
  }

  // What is known.

  @Test
  void statusFollowsAJobToItsEndAndBeyond() throws Exception {
    TestFollower follower = follow("name");
    JobId id = Scene.id("name");
    assertEquals(JobState.STARTING, registry.status(id).state());
    assertNull(registry.status(id).pid());
    assertEquals("tester", registry.status(id).principal());
    assertEquals("true", registry.status(id).command());
    assertEquals(1, registry.status(id).followers());
    follower.job().start();
    FakeProcess process = engine.spawn();
    process.write(Stream.STDOUT, "output");
    process.hold(FakePipe.Holder.SURVIVOR, Stream.STDOUT);
    engine.settle();
    assertEquals(JobState.RUNNING, registry.status(id).state());
    assertEquals(process.pid(), registry.status(id).pid());
    assertEquals(6, registry.status(id).outputBytes());
    assertNotNull(registry.status(id).startedAt());
    process.exit(0);
    assertEquals(JobState.DRAINING, registry.status(id).state());
    assertNull(registry.status(id).end());
    process.endSurvivors();
    engine.settle();
    follower.readAll();
    JobStatus ended = registry.status(id);
    assertEquals(JobState.ENDED, ended.state());
    assertSame(follower.end(), ended.end());
    assertEquals(1, ended.followers());
    follower.leave();
    assertEquals(0, registry.status(id).followers());
    assertSame(ended.end(), registry.status(id).end());
  }

  @Test
  void unknownJobIsNamed() {
    RejectedException refused =
        assertThrows(RejectedException.class, () -> registry.status(Scene.id("nobody")));
    assertEquals(ErrorCode.UNKNOWN_JOB, refused.code());
    assertEquals("job: nobody is not known", refused.getMessage());
  }

  @Test
  void listIsByPrefixAndStateInOrderAndCut() throws Exception {
    scene.end(follow("b-ended"));
    scene.end(follow("a-ended"));
    TestFollower waiting = follow("b-waiting");
    TestFollower running = follow("a-running");
    running.job().start();
    FakeProcess process = engine.spawn();
    assertEquals(List.of("a-ended", "a-running", "b-ended", "b-waiting"), names(null, null, 9));
    assertEquals(List.of("a-ended", "a-running"), names("a", null, 9));
    assertEquals(List.of("a-ended", "b-ended"), names(null, JobState.ENDED, 9));
    assertEquals(List.of("b-waiting"), names("b", JobState.STARTING, 9));
    assertEquals(List.of("a-ended", "a-running", "b-ended"), names(null, null, 3));
    assertEquals(List.of(), names(null, JobState.DRAINING, 9));
    assertEquals(List.of(), names("c", null, 9));
    process.exit(0);
    engine.settle();
    running.leave();
    scene.end(waiting);
  }

  @Test
  void jobThatEndsDuringTheListIsInIt() throws Exception {
    JobLimits limits = new JobLimits(CROWD, 1 << 20, 10 * CROWD, Duration.ofHours(1));
    Scene crowded = new Scene(new LogMemory(1 << 30, CROWD), limits);
    List<TestFollower> crowd = new ArrayList<>();
    for (int i = 0; i < CROWD; i++) {
      crowd.add(crowded.register());
    }
    AtomicInteger ended = new AtomicInteger();
    List<String> missing = new ArrayList<>();
    Thread listing =
        Thread.ofPlatform()
            .start(
                () -> {
                  while (ended.get() < CROWD) {
                    int listed = crowded.registry.list(_ -> true, CROWD).size();
                    if (listed < CROWD) {
                      missing.add(listed + " after " + ended.get());
                    }
                  }
                });
    for (TestFollower follower : crowd) {
      crowded.end(follower);
      ended.incrementAndGet();
    }
    listing.join();
    assertEquals(List.of(), missing);
  }

  @Test
  void lastFollowerHearsOfTheEndBeforeTheShutdownIsDone() {
    Scene.Running running = scene.start();
    AtomicReference<End> heard = new AtomicReference<>();
    var _ = registry.close().thenRun(() -> heard.set(running.follower().endIfRead()));
    engine.settle();
    assertEquals(Outcome.SHUTDOWN, Objects.requireNonNull(heard.get()).outcome());
    running.follower().leave();
  }

  @Test
  void shutdownEndsAJobThatWaitsForItsStart() {
    TestFollower waiting = scene.register();
    var closed = registry.close();
    assertFalse(closed.isDone());
    engine.settle();
    assertTrue(closed.isDone());
    assertEquals(Outcome.SHUTDOWN, waiting.end().outcome());
    waiting.job().refuse(new RejectedException(ErrorCode.UNAVAILABLE, "no worker"));
    engine.settle();
    assertNull(waiting.job().refusal());
    waiting.leave();
  }

  // Helpers.

  private TestFollower follow(String name) throws RejectedException {
    return follow(name, new Spec());
  }

  private TestFollower follow(String name, Spec spec) throws RejectedException {
    return new TestFollower(registry.register(Scene.run(name, spec), Scene.TESTER).job());
  }

  private RejectedException refused(String name, Spec spec) {
    return assertThrows(
        RejectedException.class, () -> registry.register(Scene.run(name, spec), Scene.TESTER));
  }

  private List<String> names(@Nullable String prefix, @Nullable JobState state, int limit) {
    return registry
        .list(
            status ->
                (prefix == null || status.job().value().startsWith(prefix))
                    && (state == null || status.state() == state),
            limit)
        .stream()
        .map(job -> job.job().value())
        .toList();
  }
}
