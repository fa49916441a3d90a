package dev.runnel.job;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.runnel.model.Caller;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.End;
import dev.runnel.model.ErrorCode;
import dev.runnel.model.JobId;
import dev.runnel.model.JobSpec;
import dev.runnel.model.JobStatus;
import dev.runnel.model.Labels;
import dev.runnel.model.NodeIdentity;
import dev.runnel.model.Request;
import dev.runnel.model.Retention;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** A node without a network or processes, and what a test needs to set a job going on it. */
final class Scene {
  static final JobLimits LIMITS = new JobLimits(3, 64L << 20, 4, Duration.ofMinutes(1));
  static final int MAX_JOBS = 6;
  static final JobOrigin TESTER = JobOrigin.of(new Caller("tester", "unix", Caller.Via.UNIX));

  final FakeEngine engine = new FakeEngine();
  final LogMemory memory;
  final JobRegistry registry;

  Scene() {
    this(8L << 20);
  }

  Scene(long logBytes) {
    this(new LogMemory(logBytes, MAX_JOBS), LIMITS);
  }

  Scene(LogMemory memory, JobLimits limits) {
    this.memory = memory;
    this.registry = new JobRegistry(new NodeIdentity("node", "boot"), engine, memory, limits);
  }

  /** A job with its follower, about to be started. */
  TestFollower register(Spec spec) {
    try {
      return new TestFollower(registry.register(run(null, spec), TESTER).job());
    } catch (RejectedException e) {
      throw new AssertionError(e);
    }
  }

  TestFollower register() {
    return register(new Spec());
  }

  /** A job whose process runs, with its follower. */
  Running start(Spec spec) {
    TestFollower follower = register(spec);
    follower.job().start();
    return new Running(follower, follower.job(), engine.spawn());
  }

  Running start() {
    return start(new Spec());
  }

  /** Runs a registered job to its end. */
  void end(TestFollower follower) {
    follower.job().start();
    engine.spawn().exit(0);
    engine.settle();
    follower.readAll();
    follower.leave();
  }

  /** What the registry knows of a job, or null. */
  @Nullable JobStatus status(JobId id) {
    Job job = registry.job(id);
    return job == null ? null : job.status();
  }

  /** Every job has ended, and its followers left: places, memory, queue and output are intact. */
  void checkNothingIsLeft() {
    engine.pass(LIMITS.keep());
    engine.pass(LIMITS.keep());
    assertEquals(0, registry.places());
    assertEquals(0, memory.sharedBytes());
    assertEquals(0, engine.lostBytes());
    List<Job> jobs = new ArrayList<>();
    try {
      while (jobs.size() <= LIMITS.maxQueuedStarts()) {
        jobs.add(registry.register(run(null, new Spec()), TESTER).job());
      }
    } catch (RejectedException e) {
      boolean shutDown = e.code() == ErrorCode.UNAVAILABLE;
      assertEquals(shutDown ? 0 : LIMITS.maxQueuedStarts(), jobs.size(), e::getMessage);
      jobs.forEach(job -> job.refuse(e));
      engine.settle();
    }
    assertEquals(0, registry.places());
  }

  record Running(TestFollower follower, Job job, FakeProcess process) {
    End end() {
      return follower.end();
    }
  }

  static Request.Run run(@Nullable String name, Spec spec) {
    return new Request.Run(name == null ? null : id(name), spec.build());
  }

  static JobId id(String name) {
    return new JobId(name);
  }

  /** What a test asks for; all else is as by default. */
  static final class Spec {
    @Nullable Duration timeout;
    Duration grace = Duration.ofSeconds(2);
    Duration drain = Duration.ofSeconds(1);
    Duration drainMax = Duration.ofSeconds(10);
    JobSpec.Leftovers leftovers = JobSpec.Leftovers.KILL;
    long retain = 1 << 20;
    CommandSpec.Stderr stderr = CommandSpec.Stderr.SEPARATE;
    CommandSpec.Stdin stdin = CommandSpec.Stdin.NULL;
    Retention lasting = Retention.DEFAULT;

    JobSpec build() {
      CommandSpec plain = CommandSpec.of("true");
      CommandSpec command = new CommandSpec(plain.argv(), null, Map.of(), stderr, stdin);
      return new JobSpec(
          command,
          timeout,
          grace,
          drain,
          drainMax,
          leftovers,
          retain,
          OptionalLong.empty(),
          lasting,
          Labels.NONE,
          null);
    }

    static Spec keep() {
      Spec spec = new Spec();
      spec.leftovers = JobSpec.Leftovers.KEEP;
      return spec;
    }

    static Spec retaining(long bytes) {
      Spec spec = new Spec();
      spec.retain = bytes;
      return spec;
    }

    static Spec withStdin() {
      Spec spec = new Spec();
      spec.stdin = CommandSpec.Stdin.PIPE;
      return spec;
    }
  }
}
