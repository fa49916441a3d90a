package dev.runnel.job;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.job.FakePipe.Holder;
import dev.runnel.job.Scene.Spec;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.End;
import dev.runnel.model.ErrorCode;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.JobSpec.Leftovers;
import dev.runnel.model.JobState;
import dev.runnel.model.Outcome;
import dev.runnel.model.Retention;
import dev.runnel.model.Signal;
import dev.runnel.model.StartFailure;
import dev.runnel.model.Stream;
import dev.runnel.model.StreamTotal;
import java.io.ByteArrayOutputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;
import java.util.random.RandomGenerator;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/** One job, to which everything that can happen happens in a random order. */
final class Interleaving {
  private static final int STEPS = 150;
  private static final int STEPS_AFTER_END = 30;
  // Two full pipes through the smallest log, and more.
  private static final int MAX_READS = 300;
  private static final Duration LONG = Duration.ofMinutes(1);
  private static final int MAX_WATCHERS = 3;

  private final RandomGenerator random;
  private final Scene scene = new Scene(1 << 20);
  private final FakeEngine engine = scene.engine;
  private final Spec spec;
  private final Job job;
  private final Sightings sightings = new Sightings();
  private final List<TestFollower> watchers = new ArrayList<>();
  // Who had the seat, and still holds what was lent.
  private final List<TestFollower> replaced = new ArrayList<>();
  private final Map<Stream, ByteArrayOutputStream> written = new EnumMap<>(Stream.class);
  private final ByteArrayOutputStream offered = new ByteArrayOutputStream();

  private @Nullable FakeStart start;
  private boolean startDecided;
  private TestFollower follower;
  private boolean left;
  // Nobody may have been waited for: what was not read by then may be gone.
  private boolean mayBeMissing;
  private boolean refused;
  // Below it nothing is kept for a runner.
  private long acked;
  private @Nullable FakeProcess process;
  private @Nullable End end;
  private long lengthAtEnd;
  // Outcomes that something asked for.
  private final Set<Outcome> causes = EnumSet.noneOf(Outcome.class);
  private final Set<String> events = new TreeSet<>();

  Interleaving(RandomGenerator random) {
    this.random = random;
    this.spec = randomSpec();
    for (Stream stream : Stream.values()) {
      written.put(stream, new ByteArrayOutputStream());
    }
    this.follower = scene.register(spec);
    this.job = follower.job();
    follower.showTo(sightings::saw);
    job.start();
  }

  private Spec randomSpec() {
    Spec random = new Spec();
    random.timeout = oneIn(3) ? Duration.ofMillis(1 + upTo(3_000)) : null;
    random.grace = Duration.ofMillis(oneIn(3) ? 0 : upTo(2_000));
    random.drain = Duration.ofMillis(oneIn(4) ? 0 : upTo(1_000));
    random.drainMax = Duration.ofMillis(oneIn(4) ? 0 : upTo(5_000));
    random.leftovers = oneIn(3) ? Leftovers.KEEP : Leftovers.KILL;
    random.retain = List.of(1_024, 4_096, 70_000, 1 << 20).get(upTo(4));
    random.stderr = oneIn(3) ? CommandSpec.Stderr.MERGED : CommandSpec.Stderr.SEPARATE;
    random.stdin = oneIn(2) ? CommandSpec.Stdin.PIPE : CommandSpec.Stdin.NULL;
    random.lasting = randomLasting();
    return random;
  }

  private Retention randomLasting() {
    Duration linger =
        List.of(Duration.ZERO, Duration.ofMillis(1 + upTo(1_000)), Retention.FOREVER).get(upTo(3));
    Retention.OnFull onFull = oneIn(2) ? Retention.OnFull.BLOCK : Retention.OnFull.DROP;
    return new Retention(linger, null, onFull, OptionalLong.empty());
  }

  /** Plays it to its end and checks it. */
  void play() {
    for (int i = 0; i < STEPS; i++) {
      step();
      look();
    }
    finish();
    for (int i = 0; i < STEPS_AFTER_END; i++) {
      step();
      look();
    }
    leave();
    watchers.forEach(TestFollower::leave);
    check();
  }

  /** What happened, for a count of what is covered. */
  Set<String> events() {
    return events;
  }

  private void note(String event) {
    events.add(event + " while " + job.state());
  }

  // What happens.

  private void step() {
    switch (upTo(17)) {
      case 16 -> follow();
      case 0, 1 -> engine.runTask();
      case 2 -> engine.runTasks();
      case 3 -> engine.advance(Duration.ofMillis(upTo(oneIn(5) ? 1_000 : 50)));
      case 4, 5 -> read();
      case 6 -> interfere();
      case 7 -> offerStdin();
      default -> {
        FakeProcess live = process;
        if (live == null) {
          begin();
        } else {
          act(live);
        }
      }
    }
  }

  private void begin() {
    if (startDecided) {
      return;
    }
    if (start == null) {
      start = Objects.requireNonNull(engine.takeStart());
    }
    startDecided = oneIn(3);
    if (!startDecided) {
      return;
    }
    if (!start.isClaimed()) {
      start.makeVoid();
    } else if (oneIn(12)) {
      start.fail(new StartFailure("ENOENT", StartFailure.At.EXEC, "not there"));
      causes.add(Outcome.START_FAILED);
    } else if (oneIn(12)) {
      start.refuse("too many");
      refused = true;
    } else {
      process = start.make();
      arrange(process);
    }
  }

  private void arrange(FakeProcess process) {
    process.answer(oneIn(2) ? FakeProcess.Answers.LATER : FakeProcess.Answers.BEFORE_RETURN);
    if (oneIn(2)) {
      process.ignoreTerm();
    }
    for (int child = 0; child < upTo(3); child++) {
      process.fork(2_000 + child, "child");
    }
  }

  private void act(FakeProcess process) {
    List<FakePipe> pipes = process.pipes();
    FakePipe pipe = pipes.get(upTo(pipes.size()));
    switch (upTo(12)) {
      case 0, 1, 2 -> write(process, pipe.stream());
      case 3, 4, 5, 6 -> process.poll(pipe);
      case 7 -> process.takeInput(upTo(100_000));
      case 8 -> hold(process, pipe);
      case 9, 10 -> rarely(process, pipe);
      default -> {}
    }
  }

  private void hold(FakeProcess process, FakePipe pipe) {
    // Nobody can take hold of a pipe that nobody holds.
    if (!process.hasExited() && !pipe.holders().isEmpty()) {
      process.hold(oneIn(2) ? Holder.SURVIVOR : Holder.STRANGER, pipe.stream());
    }
  }

  private void rarely(FakeProcess process, FakePipe pipe) {
    switch (upTo(6)) {
      case 0 -> process.exit(upTo(256));
      case 1 -> process.exit(new ExitStatus.Signaled(1 + upTo(15)));
      case 2 -> process.close(pipe.stream());
      case 3 -> process.release(Holder.STRANGER, pipe.stream());
      case 4 -> process.endSurvivors();
      default -> process.breakInput();
    }
  }

  private void write(FakeProcess process, Stream stream) {
    byte[] bytes = new byte[1 + upTo(oneIn(4) ? FakePipe.CAPACITY_BYTES : 300)];
    random.nextBytes(bytes);
    boolean discarded = process.isDiscarding();
    int count = process.write(stream, bytes);
    if (!discarded) {
      Objects.requireNonNull(written.get(stream)).write(bytes, 0, count);
    }
  }

  private void read() {
    if (left) {
      return;
    }
    switch (upTo(4)) {
      case 0 -> readAll();
      case 1 -> follower.hold(1 + upTo(oneIn(2) ? 100 : 131_072));
      case 2 -> consumed();
      default -> closeSome();
    }
  }

  private void readAll() {
    follower.readAll();
    acked = follower.position();
  }

  private void consumed() {
    follower.consumed();
    acked = follower.position();
  }

  private void closeSome() {
    if (follower.heldCount() > 0) {
      follower.closeHeld(upTo(follower.heldCount()));
    }
  }

  private void interfere() {
    if (!oneIn(8)) {
      return;
    }
    switch (upTo(6)) {
      case 0 -> {
        note("cancel");
        causes.add(Outcome.CANCELED);
        job.cancel(null, _ -> {});
      }
      case 1 -> {
        note("signal");
        job.signal(Signal.HUP);
      }
      case 2 -> leave();
      case 3 -> {
        note("shutdown");
        causes.add(Outcome.SHUTDOWN);
        var _ = scene.registry.close();
      }
      case 4 -> {
        note("refuse");
        job.refuse(new RejectedException(ErrorCode.UNAVAILABLE, "no worker"));
        refused |= job.started() == null;
      }
      default -> closeSome();
    }
  }

  private void leave() {
    if (!left) {
      boolean detaches = oneIn(4);
      note(detaches ? "detach" : "leave");
      left = true;
      mayBeMissing = true;
      if (detaches) {
        follower.detach();
      } else {
        causes.add(Outcome.ABANDONED);
        follower.leave();
      }
    }
  }

  // Others come and go.
  private void follow() {
    switch (upTo(8)) {
      case 0 -> takeSeat();
      case 1, 2 -> watch();
      case 3 -> leaveWatching();
      default -> {
        if (!watchers.isEmpty()) {
          readAsWatcher(watchers.get(upTo(watchers.size())));
        }
      }
    }
  }

  private void takeSeat() {
    if (job.refusal() != null) {
      return;
    }
    note("take seat");
    TestFollower before = follower;
    long from =
        left ? between(job.log().floor(), job.log().length()) : between(acked, before.position());
    follower = TestFollower.takeSeat(job, from);
    TestFollower taken = follower;
    taken.showTo(sightings::saw);
    taken.onSeated(this::forgetUntaken);
    before.detach();
    replaced.add(before);
    acked = from;
    left = false;
  }

  // What its owner before had sent, and the pipe had not taken, is to be sent again.
  private void forgetUntaken() {
    byte[] all = offered.toByteArray();
    offered.reset();
    offered.write(all, 0, (int) Math.min(all.length, job.stdinTaken()));
  }

  private void watch() {
    if (watchers.size() < MAX_WATCHERS && job.refusal() == null) {
      note("watch");
      TestFollower watcher = TestFollower.watch(job, between(0, job.log().length()));
      watcher.showTo(sightings::saw);
      watchers.add(watcher);
    }
  }

  private void leaveWatching() {
    if (!watchers.isEmpty()) {
      TestFollower watcher = watchers.remove(upTo(watchers.size()));
      watcher.leave();
      replaced.add(watcher);
    }
  }

  private void readAsWatcher(TestFollower watcher) {
    switch (upTo(3)) {
      case 0 -> watcher.readAll();
      case 1 -> watcher.hold(1 + upTo(oneIn(2) ? 100 : 131_072));
      default -> watcher.closeAllHeld();
    }
  }

  private long between(long least, long most) {
    return least + random.nextLong(most - least + 1);
  }

  private void offerStdin() {
    byte[] bytes = new byte[upTo(2_000)];
    random.nextBytes(bytes);
    boolean eof = oneIn(20);
    if (job.offerStdin(follower, offered.size(), bytes, eof) == Job.StdinAnswer.TAKEN) {
      offered.writeBytes(bytes);
    }
  }

  // How it ends.

  private void finish() {
    while (!startDecided) {
      begin();
    }
    engine.settle();
    look();
    if (process != null) {
      process.exit(0);
    }
    for (int i = 0; i < MAX_READS && job.state() != JobState.ENDED; i++) {
      engine.pass(LONG);
      look();
      closeAllHeld();
      // A job without a runner may wait for one for ever.
      if (left && job.state() != JobState.ENDED) {
        takeSeat();
      }
      if (!left) {
        readAll();
      }
      look();
    }
    assertEquals(JobState.ENDED, job.state());
    if (!left) {
      readAll();
    }
    look();
    closeAllHeld();
    for (TestFollower watcher : watchers) {
      watcher.readAll();
      assertSame(end, watcher.endIfRead());
    }
  }

  private void closeAllHeld() {
    follower.closeAllHeld();
    watchers.forEach(TestFollower::closeAllHeld);
    replaced.forEach(TestFollower::closeAllHeld);
  }

  /** After every step: an end, once there, is the only one, and nothing follows it. */
  private void look() {
    End now = job.status().end();
    if (end == null) {
      end = now;
      lengthAtEnd = job.log().length();
    } else {
      assertSame(end, now);
      assertEquals(JobState.ENDED, job.state());
      assertEquals(lengthAtEnd, job.log().length());
    }
    if (!left) {
      End read = follower.endIfRead();
      if (read != null) {
        assertSame(end, read);
      }
    }
    assertTrue(scene.memory.sharedBytes() >= 0);
  }

  private void check() {
    engine.settle();
    closeAllHeld();
    engine.pass(LONG);
    if (end == null) {
      events.add("refused");
      assertTrue(refused);
      assertNotNull(job.refusal());
      assertNull(job.log().end());
      assertTrue(process == null || process.hasExited());
    } else {
      checkEnd(end);
    }
    scene.checkNothingIsLeft();
    if (causes.contains(Outcome.SHUTDOWN)) {
      assertTrue(scene.registry.close().isDone());
    }
  }

  private void checkEnd(End end) {
    events.add(end.outcome().wireName() + (end.drained() ? "" : " undrained"));
    events.add(end.leftoversTotal() > 0 ? "leftovers" : "no leftovers");
    assertNull(job.refusal());
    assertTrue(isExplained(end), () -> end + " by " + causes);
    assertEquals(end.stdout().bytes() + end.stderr().bytes(), end.outputBytes());
    FakeProcess ended = process;
    if (ended == null || job.started() == null) {
      assertEquals(0, end.outputBytes());
      assertNull(end.status());
      return;
    }
    assertNotNull(end.status());
    for (FakePipe pipe : ended.pipes()) {
      Stream stream = pipe.stream();
      byte[] all = Objects.requireNonNull(written.get(stream)).toByteArray();
      byte[] delivered = pipe.delivered();
      assertEquals(totalOf(delivered), stream == Stream.STDOUT ? end.stdout() : end.stderr());
      // What is cut off is the end, and only where others are kept.
      boolean whole = delivered.length == all.length;
      events.add(whole ? "whole" : "cut off");
      assertTrue(whole || ended.isDiscarding());
      assertArrayEquals(delivered, Arrays.copyOf(all, delivered.length));
      checkSeen(end, stream, delivered);
    }
    byte[] input = ended.input();
    assertArrayEquals(input, Arrays.copyOf(offered.toByteArray(), input.length));
    assertEquals(input.length, job.stdinTaken());
  }

  // Whoever read, and in whatever pieces: a runner is told everything, unless there was none.
  private void checkSeen(End end, Stream stream, byte[] delivered) {
    boolean whole = sightings.isWhole(end.outputBytes());
    assertTrue(whole || mayBeMissing);
    events.add(whole ? "all seen" : "seen in part");
    if (whole) {
      assertArrayEquals(delivered, sightings.of(stream));
    }
  }

  private boolean isExplained(End end) {
    return switch (end.outcome()) {
      case EXITED -> end.status() instanceof ExitStatus.Exited;
      case SIGNALED -> end.status() instanceof ExitStatus.Signaled;
      case TIMED_OUT -> spec.timeout != null;
      case START_FAILED, CANCELED, ABANDONED, SHUTDOWN -> causes.contains(end.outcome());
      case LOST -> false;
    };
  }

  private static StreamTotal totalOf(byte[] bytes) {
    CRC32 crc = new CRC32();
    crc.update(bytes);
    return new StreamTotal(bytes.length, crc.getValue());
  }

  private int upTo(int bound) {
    return random.nextInt(bound);
  }

  private boolean oneIn(int times) {
    return random.nextInt(times) == 0;
  }
}
