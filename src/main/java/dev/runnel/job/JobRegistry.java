package dev.runnel.job;

import dev.runnel.model.ErrorCode;
import dev.runnel.model.JobId;
import dev.runnel.model.JobState;
import dev.runnel.model.JobStatus;
import dev.runnel.model.NodeIdentity;
import dev.runnel.model.Outcome;
import dev.runnel.model.Request;
import dev.runnel.model.Retention;
import dev.runnel.model.Signal;
import dev.runnel.model.TerminalSize;
import dev.runnel.process.ProcessEngine;
import dev.runnel.spool.RecoveredJob;
import dev.runnel.threads.TaskHandOver;
import java.io.IOException;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Every job of a node: those that have not ended, and those of the last that have, with their ends
 * and what output there is memory for. It also says whether there is place for one more. Any
 * thread; nothing blocks. A node has one.
 */
public final class JobRegistry {
  private static final Duration SWEEP = Duration.ofSeconds(10);
  private static final Duration SPOOL_RETRY = Duration.ofSeconds(1);
  private static final Duration FOREVER = Duration.ofDays(36_500);

  /** Longer than ending a tree takes at most, after a grace that was cut. */
  private static final Duration CLOSE_LIMIT = Duration.ofSeconds(25);

  private static final char[] ID_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789".toCharArray();
  private static final int ID_LENGTH = JobNamePrefix.RANDOM_LENGTH;

  private final NodeIdentity node;
  private final ProcessEngine engine;
  private final LogMemory memory;
  private final @Nullable SpoolThreads spooler;
  private final JobLimits limits;
  private final SecureRandom random = new SecureRandom();
  // By id, for lists that are made piece by piece.
  private final ConcurrentSkipListMap<JobId, Job> jobs = new ConcurrentSkipListMap<>();
  private final AtomicInteger places = new AtomicInteger();
  private final AtomicInteger starting = new AtomicInteger();
  private final CompletableFuture<Void> drained = new CompletableFuture<>();

  private final CompletedJobs ended;
  private volatile String namePrefix = "";
  private final JobChanges changes = new JobChanges();
  private final FlowCounters flow = new FlowCounters();
  private volatile boolean closing;
  private final AtomicBoolean ending = new AtomicBoolean();
  private volatile Consumer<Job> onOver = _ -> {};
  private volatile Consumer<Job> onGone = _ -> {};
  private volatile JobObserver observer = JobObserver.NONE;

  /**
   * The job that a run means.
   *
   * @param existence whether it was there already: then it is not to be started
   */
  public record Registered(Job job, SubscribeOptions.Existence existence) {}

  /** One that has no disk. */
  public JobRegistry(NodeIdentity node, ProcessEngine engine, LogMemory memory, JobLimits limits) {
    this(node, engine, memory, limits, null);
  }

  /**
   * @param spooler who writes output to the disk, and closes after the registry; null: nobody
   */
  public JobRegistry(
      NodeIdentity node,
      ProcessEngine engine,
      LogMemory memory,
      JobLimits limits,
      @Nullable SpoolThreads spooler) {
    this.spooler = spooler;
    this.node = node;
    this.engine = engine;
    this.memory = memory;
    this.limits = limits;
    this.ended = new CompletedJobs(limits.maxEnded());
    engine.schedule(SWEEP, this::sweep);
    if (spooler != null) {
      spooler.onFull(this::dropSpooled);
    }
  }

  // So that somebody's who has less finds room on the disk; blocks on it.
  private boolean dropSpooled(String principal) {
    return ended.of(principal).stream()
        .anyMatch(job -> !job.isFollowed() && job.log().dropSpooled());
  }

  public NodeIdentity node() {
    return node;
  }

  /** Who hears of changes of jobs. */
  public JobChanges changes() {
    return changes;
  }

  /** How output flows to followers. */
  public FlowCounters flow() {
    return flow;
  }

  /** Jobs that wait for their process. */
  public int starting() {
    return starting.get();
  }

  /** Of all jobs, runners and watchers; looks at all of them. */
  public int followers() {
    int found = 0;
    for (Job job = after(null); job != null; job = after(job.id())) {
      found += job.followers();
    }
    return found;
  }

  public JobLimits limits() {
    return limits;
  }

  /** Whether output may go to the disk. */
  public boolean canSpool() {
    return spooler != null;
  }

  /**
   * Takes up the jobs of earlier lives that are still to be remembered, before any other is made;
   * blocks on the disk.
   */
  public void recover() throws IOException {
    if (spooler != null) {
      Instant now = Instant.now();
      List<RecoveredJob> all = new ArrayList<>(spooler.recover());
      all.sort(Comparator.comparing(RecoveredJob::endedAt));
      for (RecoveredJob found : all) {
        Job job = Job.restored(found, this, spooler);
        Duration keep = job.keep() == null ? limits.keep() : job.keep();
        letGo(remember(job, keep.minus(Duration.between(found.endedAt(), now))));
      }
      ended.takeExpired(engine.nanoTime()).forEach(job -> job.log().forget());
    }
  }

  /** Has the names that are made from now on tell of their node. */
  public void nameByNode() {
    namePrefix = JobNamePrefix.of(node.name(), node.boot());
  }

  /** How long the end of a job is remembered. */
  public Duration keep(Job job) {
    Duration asked = job.keep();
    return asked == null ? limits.keep() : asked;
  }

  /** Has each job that is over told, on the pump, once: it ended, or was refused its start. */
  public void onOver(Consumer<Job> told) {
    onOver = told;
  }

  /** Has one told, instead of whoever was told before. */
  public void observe(JobObserver told) {
    observer = told;
  }

  /** How many of the jobs known are in each state; looks at all of them. */
  public Map<JobState, Integer> census() {
    Map<JobState, Integer> found = new EnumMap<>(JobState.class);
    for (Job job = after(null); job != null; job = after(job.id())) {
      found.merge(job.state(), 1, Integer::sum);
    }
    return found;
  }

  /** How many {@link #places} there are. */
  public int maxPlaces() {
    return memory.maxJobs();
  }

  /** What logs hold beyond their floors. */
  public long logBytes() {
    return memory.sharedBytes();
  }

  /** What they may. */
  public long maxLogBytes() {
    return memory.sharedLimitBytes();
  }

  /** What output on disk takes up. */
  public long spoolBytes() {
    return spooler == null ? 0 : spooler.usedBytes();
  }

  /** What it may. */
  public long maxSpoolBytes() {
    return spooler == null ? 0 : spooler.maxBytes();
  }

  /** Has each job told, on the pump, whose process has gone only after the job's end. */
  public void onGone(Consumer<Job> told) {
    onGone = told;
  }

  /**
   * Jobs that have not ended, and those whose output was not taken yet; and processes that could
   * not be ended with their job.
   */
  public int places() {
    return places.get();
  }

  /**
   * Makes a job that is still to be started, and takes its name and its place; or finds the one
   * that an earlier run by the same principal, of the same name and {@code once}, has made.
   *
   * @throws RejectedException if there is no place, or the name is taken
   */
  public Registered register(Request.Run run, JobOrigin origin) throws RejectedException {
    Job known = run.job() == null ? null : job(run.job());
    if (known != null) {
      return new Registered(same(known, run, origin), SubscribeOptions.Existence.EXISTING);
    }
    IdempotencyKey.Execution execution = IdempotencyKey.Execution.of(run, origin);
    if (ended.was(execution)) {
      throw new RejectedException(
          ErrorCode.JOB_EXISTS, "job: " + run.job() + " was run, and is not known any more");
    }
    if (closing) {
      throw new RejectedException(ErrorCode.UNAVAILABLE, "the server is shutting down");
    }
    limits.check(run.spec());
    checkSpool(run.spec().lasting());
    return registerNew(run, origin);
  }

  private Registered registerNew(Request.Run run, JobOrigin origin) throws RejectedException {
    takePlace();
    Job job = null;
    try {
      job = put(run, origin);
    } finally {
      if (job == null) {
        giveUpPlace();
      }
    }
    if (job == null) {
      // Another run of that name was quicker.
      return register(run, origin);
    }
    changes.changed(job);
    job.limitStart();
    if (closing) {
      job.end(Outcome.SHUTDOWN);
    }
    return new Registered(job, SubscribeOptions.Existence.NEW);
  }

  private void checkSpool(Retention lasting) throws RejectedException {
    if (lasting.onFull() != Retention.OnFull.SPOOL) {
      return;
    }
    if (spooler == null) {
      throw new RejectedException(ErrorCode.UNSUPPORTED, "on_full: spool is not offered");
    }
    long asked = lasting.spoolBytes().orElse(0);
    if (asked > spooler.maxBytes()) {
      throw new RejectedException(
          ErrorCode.BAD_REQUEST, "spool_bytes: " + asked + " (limit: " + spooler.maxBytes() + ")");
    }
  }

  private static Job same(Job known, Request.Run run, JobOrigin origin) throws RejectedException {
    if (!known.isSame(run, origin)) {
      throw new RejectedException(ErrorCode.JOB_EXISTS, "job: " + known.id() + " exists");
    }
    return known;
  }

  private void takePlace() throws RejectedException {
    if (places.incrementAndGet() > memory.maxJobs()) {
      places.decrementAndGet();
      throw new RejectedException(ErrorCode.BUSY, "jobs: limit: " + memory.maxJobs());
    }
    if (starting.incrementAndGet() > limits.maxQueuedStarts()) {
      starting.decrementAndGet();
      places.decrementAndGet();
      throw new RejectedException(
          ErrorCode.BUSY, "queued starts: limit: " + limits.maxQueuedStarts());
    }
  }

  private void giveUpPlace() {
    starting.decrementAndGet();
    places.decrementAndGet();
  }

  private @Nullable Job put(Request.Run run, JobOrigin origin) {
    while (true) {
      Job job = new Job(run.job() == null ? newId() : run.job(), run, origin, this);
      if (take(job, IdempotencyKey.Execution.of(run, origin))) {
        return job;
      }
      if (run.job() != null) {
        return null;
      }
    }
  }

  // Under the lock, because a job of that name may be ending just now.
  private boolean take(Job job, IdempotencyKey.@Nullable Execution execution) {
    synchronized (ended) {
      return !ended.has(job.id())
          && !ended.was(execution)
          && jobs.putIfAbsent(job.id(), job) == null;
    }
  }

  /** The job of that name, if it is known; null: it is not. */
  public @Nullable Job job(JobId id) {
    Job job = jobs.get(id);
    return job == null ? ended.find(id) : job;
  }

  /**
   * A job's status, while it is known.
   *
   * @throws RejectedException if it is not
   */
  public JobStatus status(JobId id) throws RejectedException {
    return known(id).status();
  }

  private Job known(JobId id) throws RejectedException {
    Job job = job(id);
    if (job == null) {
      throw new RejectedException(ErrorCode.UNKNOWN_JOB, "job: " + id + " is not known");
    }
    return job;
  }

  /**
   * Signals a job's process group, if it has not ended, and says where it stands.
   *
   * @throws RejectedException if it is not known
   */
  public JobState signal(JobId id, Signal signal) throws RejectedException {
    Job job = known(id);
    job.signal(signal);
    return job.state();
  }

  /**
   * Gives a job's terminal another size, as soon as there is one; nothing for a job that has ended.
   *
   * @throws RejectedException if it is not known or runs without a terminal
   */
  public JobState resize(JobId id, TerminalSize size) throws RejectedException {
    Job job = known(id);
    if (!job.hasTerminal()) {
      throw new RejectedException(ErrorCode.BAD_REQUEST, "job: " + id + " has no terminal");
    }
    job.resize(size);
    return job.state();
  }

  /**
   * {@link Job#cancel}, of a job that is known.
   *
   * @param begun called when that has begun, or at once for a job that has ended; any thread
   * @throws RejectedException if it is not known
   */
  public void cancel(JobId id, @Nullable Duration grace, Consumer<JobState> begun)
      throws RejectedException {
    known(id).cancel(grace, begun);
  }

  /**
   * Has a job that has ended forgotten before its time, with its output. That it was run once is
   * known for as long as was promised.
   *
   * @throws RejectedException if it is not known, or has not ended
   */
  public void forget(JobId id) throws RejectedException {
    Job gone = ended.take(id);
    if (gone != null) {
      engine.execute(() -> letGo(gone));
      return;
    }
    JobState state = known(id).state();
    throw new RejectedException(
        ErrorCode.BAD_REQUEST, "job: " + id + " is " + state.wireName() + " (expected: ended)");
  }

  /** The job known whose id follows that one; null: there is none. Null asks for the first. */
  public @Nullable Job after(@Nullable JobId id) {
    // In this order: a job that ends in between is found among the ended ones.
    Map.Entry<JobId, Job> living = id == null ? jobs.firstEntry() : jobs.higherEntry(id);
    Job over = ended.after(id);
    if (living == null || (over != null && over.id().compareTo(living.getKey()) <= 0)) {
      return over;
    }
    return living.getValue();
  }

  /** Those of the jobs known that fit, by id. */
  public List<JobStatus> list(Predicate<JobStatus> fits, int limit) {
    List<JobStatus> found = new ArrayList<>();
    for (Job job = after(null); job != null && found.size() < limit; job = after(job.id())) {
      JobStatus status = job.status();
      if (fits.test(status)) {
        found.add(status);
      }
    }
    return found;
  }

  /** Takes no more jobs; done when the last of those there are has ended. */
  public CompletableFuture<Void> drain() {
    closing = true;
    completeIfDrained();
    return drained.copy();
  }

  /** Whether it takes no more jobs. */
  public boolean isClosing() {
    return closing;
  }

  /**
   * What is left of the places for jobs and of the memory for their output, whichever is less, in
   * thousandths.
   */
  public int room() {
    double ofPlaces = 1 - (double) places.get() / memory.maxJobs();
    double ofMemory = 1 - (double) memory.sharedBytes() / Math.max(1, memory.sharedLimitBytes());
    return (int) Math.max(0, Math.min(1_000, 1_000 * Math.min(ofPlaces, ofMemory)));
  }

  /** Whether it takes jobs, if there is place for them. */
  public boolean isAccepting() {
    return !closing;
  }

  /** How many jobs have not ended. */
  public int count() {
    return jobs.size();
  }

  /** Gives no more grace to jobs that are being ended. */
  public void hurry() {
    jobs.values().forEach(Job::hurry);
  }

  /**
   * Ends every job as shut down and takes no more; done when the last has ended: those that have
   * not after 25 seconds end as they stand. Idempotent.
   */
  public CompletableFuture<Void> close() {
    closing = true;
    if (ending.compareAndSet(false, true)) {
      engine.schedule(CLOSE_LIMIT, this::giveUp);
    }
    for (Job job : new ArrayList<>(jobs.values())) {
      job.end(Outcome.SHUTDOWN);
    }
    completeIfDrained();
    return drained.copy();
  }

  private void giveUp() {
    jobs.values().forEach(job -> job.giveUp(Outcome.SHUTDOWN));
  }

  // For jobs, on the pump.

  ProcessEngine engine() {
    return engine;
  }

  LogMemory memory() {
    return memory;
  }

  /** A worker has it now. */
  void tellTaken(Duration waited) {
    observer.taken(waited);
  }

  /** Its process was made. */
  void tellStarted(Duration latency) {
    observer.started(latency);
  }

  /** It waits for its process no longer: there is one, or there will be none. */
  void startOver() {
    starting.decrementAndGet();
  }

  void ended(Job job) {
    Job oldest = remember(job, job.keep() == null ? limits.keep() : job.keep());
    TaskHandOver.runAll(() -> onOver.accept(job), () -> observer.over(job), () -> letGo(oldest));
  }

  // That it was run once is not forgotten with it, by another life either.
  private void letGo(@Nullable Job driven) {
    if (driven != null) {
      changes.changed(driven);
    }
    if (driven != null && driven.execution() == null) {
      driven.log().forget();
    } else if (driven != null) {
      ended.onForget(driven, driven.log().forgetButRecord());
    }
  }

  /** A process is there beyond its job. */
  void keepPlace() {
    places.incrementAndGet();
  }

  /** It is there no longer. */
  void processGone(Job job) {
    places.decrementAndGet();
    onGone.accept(job);
  }

  // Gives back the one that there is no place for any more.
  private @Nullable Job remember(Job job, Duration keep) {
    synchronized (ended) {
      Job oldest = ended.add(job, engine.nanoTime() + nanos(keep));
      jobs.remove(job.id(), job);
      return oldest;
    }
  }

  // Nobody waits for longer than that, and a sum of nanoseconds must not overflow.
  private static long nanos(Duration keep) {
    return keep.compareTo(FOREVER) > 0 ? FOREVER.toNanos() : keep.toNanos();
  }

  @Nullable JobSpool spool(OutputLog log, Retention lasting) {
    if (spooler == null || lasting.onFull() != Retention.OnFull.SPOOL) {
      return null;
    }
    long bytes =
        lasting.spoolBytes().orElse(Math.min(Retention.DEFAULT_SPOOL_BYTES, spooler.maxBytes()));
    return new JobSpool(spooler, this::tryAgainLater, log, bytes);
  }

  JobSpool restoredSpool(SpoolThreads disk, OutputLog log, RecoveredJob found) {
    return new JobSpool(disk, this::tryAgainLater, log, found.file());
  }

  private void tryAgainLater(Runnable task) {
    engine.execute(() -> engine.schedule(SPOOL_RETRY, task));
  }

  /** How many starts of a principal may wait for the disk: not so many that none is left. */
  int maxBeginning() {
    return Math.max(1, limits.maxQueuedStarts() / 4);
  }

  /** A job has ended, and nobody waits for its output any more. */
  void release() {
    places.decrementAndGet();
  }

  /** It never was: its name is free again. */
  void forget(Job job) {
    places.decrementAndGet();
    jobs.remove(job.id(), job);
    changes.changed(job);
  }

  /** Follows {@link #forget}, once whoever followed the job was told. */
  void tellOver(Job job) {
    onOver.accept(job);
    observer.over(job);
    completeIfDrained();
  }

  /** Whoever followed the job that ended last has been told. */
  void completeIfDrained() {
    if (closing && jobs.isEmpty()) {
      drained.complete(null);
    }
  }

  private void sweep() {
    jobs.values().forEach(job -> sweep(job, engine.nanoTime()));
    for (Job job : ended.takeExpired(engine.nanoTime())) {
      job.log().forget();
      changes.changed(job);
    }
    engine.schedule(SWEEP, this::sweep);
  }

  private void sweep(Job job, long now) {
    job.log().trim();
    job.seat().look(now, limits.maxStall());
  }

  private JobId newId() {
    // Five bits for each letter of one number, which is all that is asked of the system.
    long bits = random.nextLong();
    StringBuilder id = new StringBuilder(ID_LENGTH);
    for (int i = 0; i < ID_LENGTH; i++) {
      id.append(ID_LETTERS[(int) (bits & ID_LETTERS.length - 1)]);
      bits >>>= 5;
    }
    return new JobId(namePrefix + id);
  }
}
