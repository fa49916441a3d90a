package dev.runnel.process.engine;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.runnel.model.CommandSpec;
import dev.runnel.model.JobId;
import dev.runnel.model.StartFailure;
import dev.runnel.process.EngineLimits;
import dev.runnel.process.ProcessEngine;
import dev.runnel.process.ProcessListener;
import dev.runnel.process.loop.ProcessLoop;
import dev.runnel.process.proc.EnvironmentTag;
import dev.runnel.process.proc.KernelTable;
import dev.runnel.process.proc.ProcessTable;
import dev.runnel.process.spawn.Environment;
import dev.runnel.process.spawn.NofileLimit;
import dev.runnel.process.spawn.ProcessFactory;
import dev.runnel.process.spawn.SessionLeaders;
import dev.runnel.process.spawn.SpawnExecutor;
import dev.runnel.process.spawn.SpawnResult;
import dev.runnel.process.spawn.StartRequest;
import dev.runnel.process.spawn.StartTags;
import dev.runnel.process.spawn.StartTask;
import dev.runnel.process.sys.EngineLog;
import dev.runnel.process.sys.Fd;
import dev.runnel.process.sys.Libc;
import dev.runnel.process.sys.LibcException;
import dev.runnel.process.sys.OomKillCounter;
import dev.runnel.process.sys.WaitId;
import dev.runnel.process.tree.ProcessTrees;
import dev.runnel.process.tree.ScanThreads;
import dev.runnel.process.tree.Session;
import dev.runnel.process.tree.TreeRegistry;
import dev.runnel.process.tree.Watchdog;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Processes of Linux, through its C library.
 *
 * <p>A start goes from the caller's thread to a spawner, which makes the process, unless the caller
 * does so itself, and from there to the pump, which looks after it from then on.
 */
public final class NativeEngine implements ProcessEngine {
  private static final byte[] NULL_DEVICE = "/dev/null".getBytes(US_ASCII);
  private static final Duration CLOSE_PATIENCE = Duration.ofSeconds(1);
  private static final Duration CLOSE_INTERVAL = Duration.ofMillis(5);
  private static final Duration REAP_INTERVAL = Duration.ofMillis(20);
  private static final Duration CLOSE_MARGIN = Duration.ofMillis(500);
  private static final Duration CLOSE_LIMIT = Duration.ofSeconds(10);
  private static final long NOWHERE_BYTES = 64 * 1024;

  private final ProcessLoop pump = new ProcessLoop();
  private final EnvironmentTag mark;
  private final StartTags births = new StartTags();
  private final ScanThreads sweepers = new ScanThreads();
  private final KernelTable table;
  private final ProcessTrees census;
  private final SpawnExecutor spawner;
  private final int nullDevice;
  private final MemorySegment nowhere = Libc.malloc(NOWHERE_BYTES);
  private final ChildProcess.Surroundings surroundings;
  private final AtomicBoolean closing = new AtomicBoolean();

  /** Set before the first start, and closed at the end. */
  private @Nullable SessionLeaders leaders;

  // The pump's own.
  private final Set<ChildProcess> processes = new HashSet<>();

  /** Whose process this JVM is. */
  public enum Ownership {
    /**
     * Runnel's own: it adopts and reaps orphans, resets SIGCHLD, sets the umask to 022 and raises
     * its limit on open files. Commands get the limit that the JVM started with, which the JVM must
     * not have raised itself: {@code -XX:-MaxFDLimit}.
     */
    OWN_PROCESS,
    /** An application's, of which nothing but the commands' own processes is touched. */
    GUEST
  }

  /**
   * @throws UnsupportedOperationException if the system lacks something, saying what
   */
  public static NativeEngine open(Ownership ownership) {
    return open(ownership, EngineLimits.DEFAULT.start());
  }

  @Override
  public long orphans() {
    return census.orphans();
  }

  /** What commands of this process's user have of its environment; those of others: CLEAN. */
  public enum Inheritance {
    ALL,
    /** PATH, LANG, LC_*, TZ, HOME, USER, LOGNAME and SHELL. */
    CLEAN
  }

  /**
   * @param boot names this life of the engine in the environment of its commands; no other engine's
   */
  public static NativeEngine open(Ownership ownership, String boot, Inheritance inheritance) {
    PlatformCheck.run();
    Environment all = Environment.inherited();
    return open(
        new NativeEngine(
            ownership,
            EnvironmentTag.of(boot),
            EngineLimits.DEFAULT,
            OomKillCounter.ofOurGroup(),
            UnaryOperator.identity(),
            inheritance == Inheritance.CLEAN ? all.clean() : all));
  }

  /**
   * @param startLimit after which a start that hangs has failed
   */
  public static NativeEngine open(Ownership ownership, Duration startLimit) {
    return open(
        ownership,
        EnvironmentTag.of(UUID.randomUUID().toString()),
        EngineLimits.DEFAULT.withStart(startLimit));
  }

  public static NativeEngine open(Ownership ownership, EnvironmentTag mark, EngineLimits bounds) {
    PlatformCheck.run();
    return open(ownership, mark, bounds, OomKillCounter.ofOurGroup());
  }

  /**
   * @param memoryKills the engine's from now on
   */
  public static NativeEngine open(
      Ownership ownership, EnvironmentTag mark, EngineLimits bounds, OomKillCounter memoryKills) {
    return open(
        new NativeEngine(
            ownership,
            mark,
            bounds,
            memoryKills,
            UnaryOperator.identity(),
            Environment.inherited()));
  }

  /**
   * @param between stands before the kernel's process table
   */
  public static NativeEngine open(
      Ownership ownership,
      EnvironmentTag mark,
      EngineLimits bounds,
      UnaryOperator<ProcessTable> between) {
    PlatformCheck.run();
    return open(
        new NativeEngine(
            ownership,
            mark,
            bounds,
            OomKillCounter.ofOurGroup(),
            between,
            Environment.inherited()));
  }

  private static NativeEngine open(NativeEngine engine) {
    engine.pump.start();
    return engine;
  }

  private NativeEngine(
      Ownership ownership,
      EnvironmentTag mark,
      EngineLimits bounds,
      OomKillCounter memoryKills,
      UnaryOperator<ProcessTable> between,
      Environment inherited) {
    this.mark = mark;
    boolean own = ownership == Ownership.OWN_PROCESS;
    NofileLimit openFiles = own ? DaemonProcessSetup.openFiles() : NofileLimit.INHERITED;
    nullDevice = LibcException.check("open /dev/null", Fd.open(NULL_DEVICE, Fd.O_RDONLY));
    ProcessFactory spawn = new ProcessFactory(inherited, nullDevice, openFiles, mark, births);
    PlatformCheck.run(spawn);
    table = own ? KernelTable.withChildren(mark) : KernelTable.withoutChildren(mark);
    ProcessTable seen = between.apply(table);
    TreeRegistry trees = new TreeRegistry(births);
    census =
        own
            ? ProcessTrees.adopting(pump, seen, trees, sweepers, bounds)
            : ProcessTrees.of(pump, seen, trees, sweepers, bounds);
    spawner =
        new SpawnExecutor(new StartTask(spawn, pump, births, this::begin), pump, bounds.start());
    surroundings =
        new ChildProcess.Surroundings(pump, seen, census, nowhere, memoryKills, processes::remove);
    census.begin();
  }

  /**
   * Has a small process of its own end all trees, but for what was kept, if this process is killed.
   * For a process that is all Runnel's; once, before the first start.
   */
  public void guard() {
    try {
      leaders = SessionLeaders.open();
      births.enterInto(leaders);
    } catch (LibcException e) {
      EngineLog.warn("no list of commands for the watchdog: " + e.getMessage());
    }
    try {
      int list = leaders == null ? nullDevice : leaders.descriptor();
      Watchdog watchdog = Watchdog.start(mark, list, List.of());
      pump.execute(() -> census.guard(watchdog));
    } catch (LibcException e) {
      EngineLog.warn("no watchdog: " + e.getMessage());
    }
  }

  @Override
  public void start(
      JobId job, CommandSpec command, BooleanSupplier claim, ProcessListener listener) {
    start(spawner::submit, startOf(job, command, claim, listener));
  }

  @Override
  public void startHere(
      JobId job, CommandSpec command, BooleanSupplier claim, ProcessListener listener) {
    start(spawner::makeHere, startOf(job, command, claim, listener));
  }

  private StartRequest startOf(
      JobId job, CommandSpec command, BooleanSupplier claim, ProcessListener listener) {
    long memoryKills = surroundings.memoryKills().count();
    return new StartRequest(job, command, claim, listener, memoryKills, new AtomicBoolean());
  }

  private static void start(Consumer<StartRequest> by, StartRequest start) {
    try {
      by.accept(start);
    } catch (RejectedExecutionException closed) {
      // There is no pump any more to say it on.
      start.listener().startRefused("the process engine is closed");
    }
  }

  @Override
  public void execute(Runnable task) {
    pump.execute(task);
  }

  @Override
  public Timer schedule(Duration delay, Runnable task) {
    return pump.schedule(delay, task);
  }

  @Override
  public long nanoTime() {
    return System.nanoTime();
  }

  private void begin(StartRequest start, SpawnResult result) {
    switch (result) {
      case SpawnResult.Made made -> begin(made, start);
      case SpawnResult.Lost(int pid, String why) -> {
        reap(pid);
        EngineLog.warn("process ended, it can't be watched job=" + start.job() + " cause=" + why);
        start.listener().lost();
      }
      case SpawnResult.Failed(StartFailure failure) -> start.listener().startFailed(failure);
      case SpawnResult.Voided() -> start.listener().startVoided();
    }
  }

  private void begin(SpawnResult.Made made, StartRequest start) {
    ChildProcess process;
    try {
      process = new ChildProcess(made, start, surroundings);
    } catch (Throwable thrown) {
      // It has run: to say that it was not started would have it run twice.
      EngineLog.report("process ended, it can't be watched job=" + start.job(), thrown);
      made.kill();
      births.abandon(made.birth());
      reap(made.pid());
      start.listener().lost();
      return;
    }
    births.end(made.birth());
    processes.add(process);
    process.start();
  }

  // Looks now and then: one that KILL does not end at once must not hold up a thread.
  private void reap(int pid) {
    if (WaitId.reap(pid) == null && WaitId.isChild(pid)) {
      pump.schedule(REAP_INTERVAL, () -> reap(pid));
    }
  }

  @Override
  public void close() {
    close(CLOSE_LIMIT);
  }

  /** The same within that time, whatever hangs. */
  public void close(Duration limit) {
    if (pump.isCurrentThread()) {
      throw new IllegalStateException("close: on the pump, which it waits for");
    }
    long deadline = System.nanoTime() + limit.toNanos();
    try {
      if (closing.compareAndSet(false, true)) {
        spawner.close(limit.compareTo(CLOSE_PATIENCE) < 0 ? limit : CLOSE_PATIENCE);
        pump.execute(() -> endAll(deadline));
      }
      if (pump.join(left(deadline).plus(CLOSE_MARGIN))) {
        closeTable(left(deadline).plus(CLOSE_MARGIN));
      } else {
        EngineLog.warn("process engine not closed within " + limit.toMillis() + " ms");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void closeTable(Duration patience) throws InterruptedException {
    if (sweepers.awaitEnd(patience)) {
      table.close();
    } else {
      // It still uses the table's descriptors, which stay open.
      EngineLog.warn("a look for processes hangs");
    }
  }

  private static Duration left(long deadline) {
    return Duration.ofNanos(Math.max(0, deadline - System.nanoTime()));
  }

  private void endAll(long deadline) {
    for (Session session : census.sessions()) {
      session.clear(Duration.ZERO, _ -> {});
    }
    endWhenAllEnded(deadline);
  }

  private void endWhenAllEnded(long deadline) {
    int left = census.sessions().size();
    if (left > 0 && System.nanoTime() - deadline < 0) {
      pump.schedule(CLOSE_INTERVAL, () -> endWhenAllEnded(deadline));
      return;
    }
    if (left > 0) {
      EngineLog.warn("processes could not be ended count=" + left);
    }
    endStrays(deadline);
  }

  private void endStrays(long deadline) {
    if (!census.hasStrays() || System.nanoTime() - deadline >= 0) {
      end();
      return;
    }
    census.roundUpStrays(
        found -> {
          if (found.isEmpty()) {
            end();
          } else {
            pump.schedule(CLOSE_INTERVAL, () -> endStrays(deadline));
          }
        });
  }

  private void end() {
    // What was given up lives on, without us to read its output.
    List.copyOf(processes).forEach(ChildProcess::closePipes);
    census.close();
    Fd.close(nullDevice);
    surroundings.memoryKills().close();
    Libc.free(nowhere);
    if (leaders != null) {
      leaders.close();
    }
    pump.end();
  }
}
