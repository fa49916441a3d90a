package dev.runnel.process.tree;

import dev.runnel.model.ExitStatus;
import dev.runnel.model.Signal;
import dev.runnel.process.proc.ProcStat;
import dev.runnel.process.proc.ProcessTable;
import dev.runnel.process.proc.StartThread;
import dev.runnel.process.proc.TreeProcess;
import dev.runnel.process.sys.Errno;
import dev.runnel.process.sys.WaitId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * A kernel with its processes, as far as trees go, in one thread: whenever it is asked something,
 * other processes may have gone on, and before the sweeper gets an answer the pump may have, too.
 */
final class ModelKernel implements ProcessTable {
  static final int OWN = 1;
  private static final int MAX_PID = 400;
  private static final long TICK_NANOS = 10_000_000;
  private static final long STEP_NANOS = 20_000;
  private static final long PAUSE_NANOS = 50_000_000;
  private static final int MAX_HOPS = 12;

  final RandomGenerator random;
  final Map<Integer, Proc> procs = new LinkedHashMap<>();
  private final Map<Integer, Proc> handles = new HashMap<>();
  private final List<Proc> adopted = new ArrayList<>();
  private final Map<StartThread, List<Proc>> made = new HashMap<>();
  private int lastPid = OWN;
  private int lastHandle = 1_000;
  long nanos = 1_000_000_000;

  /** Asked before a process is signalled. */
  Inspector inspector = (_, _) -> {};

  /** Run before the sweeper gets an answer. */
  Runnable meanwhile = () -> {};

  boolean isOnPump;

  interface Inspector {
    void signalled(Proc target, Signal signal);
  }

  /** What a process does. */
  enum Program {
    /** Makes some others, then ends. */
    COMMAND,
    /** Perhaps leaves its session, and stays. */
    DAEMON,
    /** Leaves its session, makes one that stays, and ends. */
    FORKER,
    /** Makes its like and ends, again and again; at last it stays. */
    MOVER,
    /** Makes one as its own sibling, which stays, and ends. */
    TWIN,
    SHORT
  }

  /** One process. */
  final class Proc {
    final int pid;
    final int job;
    final long tag;
    final long started = nanos / TICK_NANOS;
    @Nullable Proc parent;
    @Nullable StartThread maker;
    int session;
    int group;
    Program program;
    int actions;
    int hops;
    int execing;
    boolean ignoresTerm;
    boolean stopped;
    boolean zombie;
    boolean gone;
    boolean killed;
    int pending;

    Proc(int pid, int job, long tag, Program program) {
      this.pid = pid;
      this.job = job;
      this.tag = tag;
      this.program = program;
      this.actions = random.nextInt(4);
      this.ignoresTerm = random.nextInt(4) == 0;
    }

    boolean isAlive() {
      return !zombie && !gone;
    }

    boolean stays() {
      return program == Program.DAEMON;
    }

    private Proc fork(Program next) {
      Proc child = new Proc(newPid(), job, tag, next);
      child.session = session;
      child.group = group;
      child.hops = hops + 1;
      child.execing = random.nextInt(3) == 0 ? random.nextInt(4) : 0;
      procs.put(child.pid, child);
      child.parent = this;
      return child;
    }

    private void act() {
      if (killed || pending != 0) {
        exit();
        return;
      }
      if (stopped) {
        return;
      }
      if (execing > 0) {
        execing--;
        return;
      }
      switch (program) {
        case COMMAND -> {
          if (actions-- > 0) {
            fork(pick());
          } else {
            exit();
          }
        }
        case DAEMON -> {
          if (actions > 0 && session != pid && random.nextBoolean()) {
            setsid();
          }
          actions = 0;
        }
        case FORKER -> {
          setsidOnce();
          fork(random.nextInt(3) == 0 ? Program.FORKER : Program.DAEMON);
          exit();
        }
        case MOVER -> {
          if (random.nextBoolean()) {
            setsidOnce();
          }
          fork(hops < MAX_HOPS ? Program.MOVER : Program.DAEMON);
          exit();
        }
        case TWIN -> {
          Proc twin = fork(Program.DAEMON);
          twin.parent = parent;
          if (parent == null) {
            twin.maker = maker;
            listOf(maker).add(twin);
          }
          exit();
        }
        case SHORT -> exit();
      }
    }

    private Program pick() {
      Program[] all = Program.values();
      return all[1 + random.nextInt(all.length - 1)];
    }

    private void setsidOnce() {
      if (group != pid) {
        setsid();
      }
    }

    private void setsid() {
      session = pid;
      group = pid;
    }

    private void exit() {
      zombie = true;
      for (Proc child : List.copyOf(procs.values())) {
        if (child.parent == this) {
          child.parent = null;
          child.maker = null;
          adopted.add(child);
        }
      }
    }

    private void bury() {
      gone = true;
      procs.remove(pid);
      adopted.remove(this);
      listOf(maker).remove(this);
    }
  }

  ModelKernel(RandomGenerator random) {
    this.random = random;
  }

  private List<Proc> listOf(@Nullable StartThread maker) {
    return maker == null ? adopted : made.computeIfAbsent(maker, _ -> new ArrayList<>());
  }

  private int newPid() {
    do {
      lastPid = lastPid >= MAX_PID ? OWN + 1 : lastPid + 1;
    } while (isTaken(lastPid));
    return lastPid;
  }

  private boolean isTaken(int number) {
    return procs.values().stream()
        .anyMatch(p -> p.pid == number || p.session == number || p.group == number);
  }

  /** A command, as a thread of ours makes it. */
  Proc make(int job, long tag, StartThread maker) {
    Proc leader = new Proc(newPid(), job, tag, Program.COMMAND);
    leader.session = leader.pid;
    leader.group = leader.pid;
    leader.maker = maker;
    procs.put(leader.pid, leader);
    listOf(maker).add(leader);
    return leader;
  }

  /** One process does something. */
  void step() {
    nanos += STEP_NANOS;
    List<Proc> all = List.copyOf(procs.values());
    if (!all.isEmpty()) {
      Proc one = all.get(random.nextInt(all.size()));
      if (one.isAlive()) {
        one.act();
      } else if (one.parent != null && random.nextInt(3) == 0) {
        one.bury();
      }
    }
  }

  /** Nobody is going to do anything of its own accord. */
  boolean isQuiet() {
    return procs.values().stream()
        .noneMatch(p -> p.isAlive() && (p.killed || p.pending != 0 || (!p.stopped && !p.stays())));
  }

  private void goOn() {
    for (int i = random.nextInt(4); i > 0; i--) {
      step();
    }
    if (!isOnPump && random.nextInt(4) == 0) {
      meanwhile.run();
    }
  }

  private @Nullable Proc get(int pid) {
    goOn();
    return procs.get(pid);
  }

  private void send(Proc target, Signal signal) {
    if (!target.isAlive()) {
      return;
    }
    inspector.signalled(target, signal);
    switch (signal) {
      case KILL -> target.killed = true;
      case STOP -> target.stopped = true;
      case CONT -> target.stopped = false;
      case TERM -> target.pending = target.ignoresTerm ? 0 : Signal.TERM.number();
      default -> {}
    }
  }

  @Override
  public int[] pids() {
    goOn();
    return procs.keySet().stream().mapToInt(Integer::intValue).sorted().toArray();
  }

  @Override
  public int session(int pid) {
    if (pid == 0) {
      return OWN;
    }
    Proc proc = get(pid);
    return pid == OWN ? OWN : proc == null ? -Errno.ESRCH : proc.session;
  }

  @Override
  public int group(int pid) {
    Proc proc = get(pid);
    return proc == null ? -Errno.ESRCH : proc.group;
  }

  @Override
  public @Nullable ProcStat stat(int pid) {
    Proc proc = get(pid);
    return proc == null
        ? null
        : new ProcStat(
            "p" + pid,
            proc.zombie ? 'Z' : 'S',
            proc.parent == null ? OWN : proc.parent.pid,
            0,
            1,
            proc.started,
            0,
            2,
            2,
            2);
  }

  @Override
  public TreeProcess.@Nullable Stage stage(int pid, ProcStat stat) {
    return stat.isDead() ? null : TreeProcess.Stage.RUNNING;
  }

  @Override
  public String command(int pid) {
    goOn();
    return "c" + pid;
  }

  @Override
  public long tag(int pid) {
    Proc proc = get(pid);
    return proc == null || !proc.isAlive() || proc.execing > 0 ? UNREADABLE : proc.tag;
  }

  @Override
  public int[] children(@Nullable StartThread thread) {
    List<Proc> list = listOf(thread);
    List<Integer> pids = new ArrayList<>();
    for (int i = 0; i < list.size(); i++) {
      pids.add(list.get(i).pid);
      // Only the pump takes any out, and this may be the sweeper.
      if (isOnPump) {
        goOn();
      }
    }
    return pids.stream().mapToInt(Integer::intValue).toArray();
  }

  private WaitId.@Nullable Exit exit(@Nullable Proc proc) {
    return proc == null || !proc.zombie || proc.parent != null
        ? null
        : new WaitId.Exit(new ExitStatus.Exited(0), Duration.ZERO);
  }

  @Override
  public WaitId.@Nullable Exit look(int pid) {
    return exit(get(pid));
  }

  @Override
  public WaitId.@Nullable Exit reap(int pid) {
    Proc proc = get(pid);
    WaitId.Exit exit = exit(proc);
    if (exit != null && proc != null) {
      proc.bury();
    }
    return exit;
  }

  @Override
  public long ageNanos(ProcStat stat) {
    // Whoever asks may have waited for a processor since it looked at the clock itself.
    if (random.nextInt(8) == 0) {
      nanos += PAUSE_NANOS;
    }
    return nanos - stat.started() * TICK_NANOS;
  }

  @Override
  public long ticks() {
    return nanos / TICK_NANOS;
  }

  @Override
  public int signalGroup(int group, Signal signal) {
    goOn();
    List<Proc> all = procs.values().stream().filter(p -> p.group == group).toList();
    all.forEach(p -> send(p, signal));
    return all.isEmpty() ? -Errno.ESRCH : 0;
  }

  @Override
  public int open(int pid) {
    Proc proc = get(pid);
    if (proc == null) {
      return -Errno.ESRCH;
    }
    handles.put(++lastHandle, proc);
    return lastHandle;
  }

  Proc held(int pidfd) {
    Proc proc = handles.get(pidfd);
    if (proc == null) {
      throw new AssertionError("not open: " + pidfd);
    }
    return proc;
  }

  int openHandles() {
    return handles.size();
  }

  @Override
  public int signal(int pidfd, Signal signal) {
    goOn();
    send(held(pidfd), signal);
    return 0;
  }

  @Override
  public void close(int pidfd) {
    held(pidfd);
    handles.remove(pidfd);
  }
}
