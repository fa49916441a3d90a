package dev.runnel.process.tree;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.ExitStatus;
import dev.runnel.model.Signal;
import dev.runnel.process.EngineLimits;
import dev.runnel.process.ProcessEngine;
import dev.runnel.process.loop.LoopTasks;
import dev.runnel.process.proc.StartThread;
import dev.runnel.process.proc.TreeProcess;
import dev.runnel.process.spawn.Pipes;
import dev.runnel.process.spawn.StartTags;
import dev.runnel.process.sys.WaitId;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/** Runs of jobs on a {@link ModelKernel}, in an order that a seed tells, and what must be true. */
final class TreeModel implements LoopTasks {
  private static final ExitStatus LOST = new ExitStatus.Signaled(0);
  private static final int JOBS = 8;
  private static final int MAX_TURNS = 400_000;

  private final RandomGenerator random;
  private final ModelKernel kernel;
  private final Deque<Runnable> tasks = new ArrayDeque<>();
  private final List<Timer> timers = new ArrayList<>();
  private final Map<Watching, Integer> watches = new HashMap<>();
  private final Deque<Runnable> looks = new ArrayDeque<>();
  private final StartThread maker = new StartThread(Thread.currentThread(), 1);
  private final StartTags births = new StartTags(() -> maker);
  private final TreeRegistry trees;
  private final ProcessTrees census;
  private final List<Job> jobs = new ArrayList<>();
  private boolean looking;

  private record Timer(long due, Runnable task) {}

  private record Watching(Runnable task) {}

  /** One job, from its start to its end. */
  private final class Job implements Session.Witness {
    private final int number;
    private final boolean keeps = random.nextInt(5) == 0;
    private final boolean isCanceled = random.nextInt(3) == 0;
    private StartTags.@Nullable Birth birth;
    private ModelKernel.@Nullable Proc leader;
    private @Nullable Session session;
    private boolean exited;
    private boolean clearing;
    private boolean over;
    private boolean ended;
    private int stayedAtExit;
    private int told;

    private Job(int number) {
      this.number = number;
    }

    /** The next step of its start. */
    private void advance() {
      if (birth == null) {
        birth = births.begin(kernel.nanos);
      } else if (leader == null) {
        leader = kernel.make(number, birth.tag(), birth.thread());
      } else {
        birth.made(leader.pid);
        StartTags.Birth known = birth;
        int pid = leader.pid;
        execute(() -> begin(known, pid));
        starting.remove(this);
      }
    }

    private void begin(StartTags.Birth known, int pid) {
      int pidfd = kernel.open(pid);
      Session.Command command = new Session.Command(pid, pidfd, known, Pipes.Kind.PIPES);
      session = new Session(command, TreeModel.this, kernel, census, this);
      births.end(known);
    }

    private Session live() {
      Session live = session;
      if (live == null) {
        throw new AssertionError("not begun: " + number);
      }
      return live;
    }

    private void cancel() {
      if (session != null && !clearing && !ended) {
        clear();
      }
    }

    private void clear() {
      clearing = true;
      Duration grace = Duration.ofMillis(random.nextInt(3));
      live().clear(grace, survivors -> end(survivors.total()));
    }

    @Override
    public void exited(WaitId.Exit exit) {
      if (exit.status().equals(LOST)) {
        throw new AssertionError("somebody else reaped the command: " + number);
      }
      exited = true;
      stayedAtExit =
          (int)
              kernel.procs.values().stream()
                  .filter(p -> p.job == number && p.isAlive() && p.stays() && !isDoomed(p))
                  .count();
      if (!clearing) {
        execute(() -> live().members(this::settle));
      }
    }

    private void settle(List<TreeProcess> members) {
      if (clearing || ended) {
        return;
      }
      List<TreeProcess> staying = members.stream().filter(m -> !m.isLeaving()).toList();
      if (staying.isEmpty()) {
        end(0);
      } else if (keeps) {
        told = staying.size();
        ended = true;
        live().giveUp();
      } else {
        clear();
      }
    }

    private void end(int total) {
      assertFalse(ended, "one end");
      ended = true;
      told = total;
      List<Integer> alive =
          kernel.procs.values().stream()
              .filter(p -> p.job == number && p.isAlive() && p != leader)
              .map(p -> p.pid)
              .toList();
      assertEquals(List.of(), alive, "left by job " + number);
      if (!isCanceled) {
        assertTrue(told >= stayedAtExit, () -> told + " told of " + stayedAtExit);
      }
    }

    @Override
    public void over() {
      over = true;
    }
  }

  private static boolean isDoomed(ModelKernel.Proc proc) {
    return proc.killed || proc.pending != 0;
  }

  private final Set<Job> starting = new HashSet<>();

  TreeModel(RandomGenerator random) {
    this.random = random;
    this.kernel = new ModelKernel(random);
    this.trees = new TreeRegistry(births);
    kernel.inspector = this::inspect;
    kernel.meanwhile = this::turnOfPump;
    kernel.isOnPump = true;
    EngineLimits bounds = new EngineLimits(Duration.ofSeconds(10), 3 + random.nextInt(50), 64);
    this.census = ProcessTrees.adopting(this, kernel, trees, new Lookers(), bounds);
    kernel.isOnPump = false;
  }

  /** A signal never goes to a process of a job that nobody ended. */
  private void inspect(ModelKernel.Proc target, Signal signal) {
    Job job = jobs.get(target.job);
    boolean mayBe = job.clearing || (job.ended && !job.keeps);
    assertTrue(mayBe, () -> signal + " to " + target.pid + " of job " + target.job);
  }

  void run() {
    for (int i = 0; i < JOBS; i++) {
      jobs.add(new Job(i));
    }
    List<Job> toStart = new ArrayList<>(jobs);
    int turns = 0;
    while (!isDone(toStart)) {
      assertTrue(turns++ < MAX_TURNS, this::state);
      switch (random.nextInt(8)) {
        case 0 -> {
          if (!toStart.isEmpty() && starting.size() < 2 && random.nextInt(20) == 0) {
            starting.add(toStart.removeFirst());
          }
        }
        case 1 -> starting.stream().findAny().ifPresent(Job::advance);
        case 2, 3 -> turnOfPump();
        case 4 -> lookOnce();
        case 5 -> {
          if (random.nextInt(40) == 0) {
            Job job = jobs.get(random.nextInt(JOBS));
            if (job.isCanceled) {
              execute(job::cancel);
            }
          }
        }
        default -> kernel.step();
      }
      if (isIdle()) {
        kernel.nanos = timers.stream().mapToLong(Timer::due).min().orElse(kernel.nanos);
      }
    }
    settle();
  }

  private String state() {
    StringBuilder text = new StringBuilder("not done:");
    for (Job job : jobs) {
      text.append(
          "\n job %d begun=%b exited=%b clearing=%b ended=%b over=%b keeps=%b"
              .formatted(
                  job.number,
                  job.session != null,
                  job.exited,
                  job.clearing,
                  job.ended,
                  job.over,
                  job.keeps));
    }
    kernel.procs.values().forEach(p -> text.append("\n pid " + p.pid + " job " + p.job));
    return text.toString();
  }

  private boolean isDone(List<Job> toStart) {
    return toStart.isEmpty()
        && starting.isEmpty()
        && jobs.stream().allMatch(job -> job.ended && job.over);
  }

  private boolean isIdle() {
    return tasks.isEmpty()
        && looks.isEmpty()
        && starting.isEmpty()
        && kernel.isQuiet()
        && ready() == null;
  }

  /** What is left when all is over: those that were kept, and nothing else. */
  private void settle() {
    for (int i = 0; i < 20_000 && !(isIdle() && timers.isEmpty()); i++) {
      turnOfPump();
      lookOnce();
      kernel.step();
      if (isIdle()) {
        kernel.nanos = timers.stream().mapToLong(Timer::due).min().orElse(kernel.nanos);
      }
    }
    for (ModelKernel.Proc proc : kernel.procs.values()) {
      assertTrue(jobs.get(proc.job).keeps, () -> "left: " + proc.pid + " of job " + proc.job);
      assertTrue(proc.isAlive(), () -> "a zombie: " + proc.pid);
    }
    assertTrue(trees.isEmpty());
  }

  private @Nullable Watching ready() {
    return watches.entrySet().stream()
        .filter(watch -> !kernel.held(watch.getValue()).isAlive())
        .map(Map.Entry::getKey)
        .findAny()
        .orElse(null);
  }

  private void turnOfPump() {
    if (kernel.isOnPump) {
      return;
    }
    kernel.isOnPump = true;
    try {
      Runnable task = tasks.poll();
      if (task != null) {
        task.run();
        return;
      }
      Timer due =
          timers.stream()
              .filter(timer -> timer.due <= kernel.nanos)
              .min(Comparator.comparingLong(Timer::due))
              .orElse(null);
      if (due != null) {
        timers.remove(due);
        due.task.run();
        return;
      }
      Watching ready = ready();
      if (ready != null) {
        ready.task.run();
      }
    } finally {
      kernel.isOnPump = false;
    }
  }

  private void lookOnce() {
    Runnable look = looking ? null : looks.poll();
    if (look != null) {
      looking = true;
      look.run();
      looking = false;
    }
  }

  @Override
  public void execute(Runnable task) {
    tasks.add(task);
  }

  @Override
  public ProcessEngine.Timer schedule(Duration delay, Runnable task) {
    Timer timer = new Timer(kernel.nanos + delay.toNanos(), task);
    timers.add(timer);
    return () -> timers.remove(timer);
  }

  @Override
  public void run(Runnable task) {
    task.run();
  }

  @Override
  public long nanoTime() {
    return kernel.nanos;
  }

  @Override
  public Watch watch(int pidfd, Runnable onEnd) {
    Watching watching = new Watching(onEnd);
    watches.put(watching, pidfd);
    return () -> watches.remove(watching);
  }

  /** Where it is looked: when it is its turn. */
  private final class Lookers implements ProcessTrees.Lookers {
    @Override
    public void execute(Runnable task) {
      looks.add(task);
    }

    @Override
    public boolean isLast() {
      return false;
    }

    @Override
    public void hung() {
      throw new AssertionError("nothing hangs here");
    }

    @Override
    public void goesOn() {
      throw new AssertionError("nothing hangs here");
    }

    @Override
    public void close() {
      looks.clear();
    }
  }
}
