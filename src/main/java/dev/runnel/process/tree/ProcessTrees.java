package dev.runnel.process.tree;

import dev.runnel.process.EngineLimits;
import dev.runnel.process.loop.LoopTasks;
import dev.runnel.process.proc.GuardedReads;
import dev.runnel.process.proc.ProcessTable;
import dev.runnel.process.proc.TreeMembership;
import dev.runnel.process.proc.TreeProcess;
import dev.runnel.process.proc.UnrelatedPids;
import dev.runnel.process.sys.EngineLog;
import dev.runnel.process.sys.LibcException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Which runs there are, and who is in their trees. The pump's own; looking takes place elsewhere.
 *
 * <p>Whether anybody is left of a run is known here for certain where orphans become ours ({@link
 * SubreaperChildren}); who that is takes a look ({@link ProcScan}). A look that fails is tried
 * again; one that hangs in a process is left behind, and the next one leaves that process out.
 */
public final class ProcessTrees {
  private static final Duration RETRY = Duration.ofMillis(200);
  private static final Duration HANGING_CHECK = Duration.ofMillis(250);

  private final LoopTasks loop;
  private final ProcessTable table;
  private final TreeRegistry trees;
  private final int maxKept;
  private final @Nullable SubreaperChildren adopted;
  private final Lookers lookers;

  /** Processes in which a look hangs at this moment, when each started by its number. */
  private final Map<Integer, Long> leftOut = new ConcurrentHashMap<>();

  /** The sweeper's own; a new one after a look was left behind. */
  private UnrelatedPids strangers = new UnrelatedPids();

  private final List<Question> questions = new ArrayList<>();
  private @Nullable Look current;
  private @Nullable Guard guard;
  private int told;

  /** Where looks take place: {@link ScanThreads}. */
  interface Lookers {
    void execute(Runnable task);

    boolean isLast();

    void hung();

    void goesOn();

    public void close();
  }

  /** A watchdog, for as long as it lives. */
  private record Guard(Watchdog watchdog, LoopTasks.Watch end) {
    void close() {
      end.end();
      watchdog.end();
    }
  }

  private record Question(long tree, Purpose purpose, Consumer<Answer> answer) {
    boolean isToKnow() {
      return purpose == Purpose.KNOW;
    }
  }

  /**
   * What a look found of a tree.
   *
   * @param vanished whether a process ended before it was looked at
   */
  record Answer(List<TreeProcess> members, boolean vanished) {}

  /** What a look is for. */
  enum Purpose {
    KNOW,
    /** To kill all at once, when all are stopped. */
    STOP,
    /** To kill also while there are ever more. */
    KILL
  }

  private ProcessTrees(
      LoopTasks loop,
      ProcessTable table,
      TreeRegistry trees,
      Lookers lookers,
      EngineLimits bounds,
      boolean adopts) {
    this.loop = loop;
    this.table = table;
    this.trees = trees;
    this.lookers = lookers;
    this.maxKept = bounds.keptJobs();
    this.adopted =
        adopts ? new SubreaperChildren(loop, table, trees, bounds.orphans(), this::identify) : null;
  }

  /** For a process that adopts the orphans among its descendants, if the kernel lists them. */
  public static ProcessTrees adopting(
      LoopTasks loop,
      ProcessTable table,
      TreeRegistry trees,
      Lookers lookers,
      EngineLimits bounds) {
    boolean isListed = table.children(null) != null;
    if (!isListed) {
      EngineLog.warn("orphans stay zombies: this kernel lists no children");
    }
    return new ProcessTrees(loop, table, trees, lookers, bounds, isListed);
  }

  /** For a process whose children are not all ours. */
  public static ProcessTrees of(
      LoopTasks loop,
      ProcessTable table,
      TreeRegistry trees,
      Lookers lookers,
      EngineLimits bounds) {
    return new ProcessTrees(loop, table, trees, lookers, bounds, false);
  }

  /** Before the first start. */
  public void begin() {
    if (adopted != null) {
      loop.execute(adopted::watchIfInit);
    }
  }

  /**
   * Takes the watchdog over, also if it throws.
   *
   * @throws LibcException if the kernel has no room for another descriptor to wait for
   */
  public void guard(Watchdog watchdog) {
    try {
      guard = new Guard(watchdog, loop.watch(watchdog.pidfd(), this::unguard));
    } catch (LibcException noRoom) {
      watchdog.end();
      throw noRoom;
    }
    if (adopted != null) {
      adopted.ignore(watchdog.pid());
    }
  }

  /** One that was told of too many is replaced: it forgets none. */
  private void tellWatchdog(long tag) {
    Guard before = guard;
    if (before == null) {
      return;
    }
    if (++told < 2 * maxKept) {
      before.watchdog.keep(tag);
      return;
    }
    try {
      List<Long> latest = trees.kept(maxKept);
      guard(before.watchdog.successor(latest));
      before.close();
      told = latest.size();
    } catch (LibcException e) {
      before.watchdog.keep(tag);
    }
  }

  private void unguard() {
    if (guard != null) {
      guard.close();
      guard = null;
      EngineLog.warn("the watchdog has ended: nobody ends the jobs if this process is killed");
    }
  }

  void enter(Session session) {
    trees.enter(session);
    if (adopted != null) {
      adopted.entered(session);
    }
  }

  void leave(Session session) {
    trees.leave(session);
    if (adopted != null) {
      adopted.release(session);
    }
  }

  /** Whoever is left of it lives on, also beyond this engine's own end. Before it leaves. */
  void keep(Session session) {
    trees.keep(session.tag());
    tellWatchdog(session.tag());
    if (adopted != null) {
      adopted.keep(session);
    }
    if (trees.keptCount() > maxKept) {
      forgetKept();
    }
  }

  private void forgetKept() {
    Set<Long> alive = adopted == null ? null : adopted.kept();
    if (alive != null) {
      trees.retainKept(alive);
    } else if (adopted == null) {
      trees.forgetEldestKept();
    }
  }

  /** How many orphans were found of no job that runs. Any thread. */
  public long orphans() {
    return adopted == null ? 0 : adopted.found();
  }

  /** Whether there may be somebody whom {@link #roundUpStrays} would find. */
  public boolean hasStrays() {
    return adopted != null && adopted.hasStrays();
  }

  public Collection<Session> sessions() {
    return trees.all();
  }

  /** Whether {@link #isEmptyButForLeader} can ever say so. */
  boolean isCertain() {
    return adopted != null;
  }

  /**
   * Whether nobody is left but the leader, who has ended. False: there is somebody, or it is not
   * known.
   */
  boolean isEmptyButForLeader(Session session) {
    return adopted != null && adopted.hasNobodyOf(session);
  }

  /** The same, once those are gone. */
  boolean isEmptyBut(Session session, Set<Integer> leaving) {
    return adopted != null && adopted.hasNobodyBut(session, leaving);
  }

  /** Who is or may be left besides the leader, by what is known without a look. */
  List<TreeProcess> known(Session session) {
    return adopted == null ? List.of() : adopted.known(session);
  }

  /**
   * Looks for everybody but the leader, and answers on the pump. One look serves all who ask before
   * it begins: when many sessions end at once, there are many processes to look through, too. To
   * kill them is as in {@link FreezeAndKill}.
   */
  void members(Session session, Purpose purpose, Consumer<Answer> answer) {
    ask(new Question(session.tag(), purpose, answer));
  }

  /** Kills those of whom nothing tells to which run they belong; answers whom. */
  public void roundUpStrays(Consumer<List<TreeProcess>> answer) {
    ask(new Question(TreeMembership.STRAY, Purpose.KILL, found -> answer.accept(found.members())));
  }

  private void identify() {
    if (current == null) {
      look();
    }
  }

  private void ask(Question question) {
    questions.add(question);
    if (current == null) {
      look();
    } else {
      current.cutShortFor(question.purpose);
    }
  }

  /** One look, from the pump to a thread that takes it and back. */
  private final class Look {
    private final List<Question> asked;
    private final GuardedReads reads;
    private final UnrelatedPids known = strangers;
    private boolean abandoned;
    private GuardedReads.@Nullable Reading hungIn;

    private Look(List<Question> asked) {
      this.asked = asked;
      GuardedReads.Depth depth =
          lookers.isLast() ? GuardedReads.Depth.NOTHING_THAT_MAY_HANG : GuardedReads.Depth.ALL;
      this.reads = new GuardedReads(table, leftOut, depth);
    }

    private void begin() {
      ProcScan.View view = view(asked);
      Set<Long> patient = trees(asked, Purpose.STOP);
      patient.removeAll(trees(asked, Purpose.KILL));
      lookers.execute(() -> run(view, patient));
      loop.schedule(HANGING_CHECK, this::check);
    }

    /** On a thread for looking. Comes to an answer or a retry whatever is thrown. */
    private void run(ProcScan.View view, Set<Long> patient) {
      Runnable outcome;
      try {
        ProcScan.Found found =
            new FreezeAndKill(reads, loop::nanoTime, this::sweep).run(view, patient);
        outcome = () -> answered(found);
      } catch (GuardedReads.CutShortException more) {
        outcome = () -> lookAgain();
      } catch (LibcException e) {
        outcome = () -> failed("cannot look for processes: " + e.getMessage());
      } catch (Throwable thrown) {
        outcome = () -> failed("cannot look for processes: " + thrown);
      }
      tell(outcome);
    }

    private ProcScan.Found sweep(ProcScan.View view) {
      known.forgetInTime();
      return new ProcScan(view, reads, known).run();
    }

    private void tell(Runnable outcome) {
      try {
        loop.execute(outcome);
      } catch (RejectedExecutionException closed) {
        // Nobody is left to hear of it.
        return;
      } catch (Throwable noMemory) {
        // Tried until there is: without an answer nothing would ever be looked at again.
        pause();
        tell(outcome);
      }
    }

    private static void pause() {
      try {
        Thread.sleep(RETRY);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }

    private void check() {
      if (current != this) {
        return;
      }
      GuardedReads.Reading hung = reads.hung(System.nanoTime());
      if (hung == null) {
        loop.schedule(HANGING_CHECK, this::check);
        return;
      }
      abandoned = true;
      leftOut.put(hung.pid(), hung.started());
      hungIn = hung;
      strangers = new UnrelatedPids();
      EngineLog.warn("process cannot be looked into, its memory is locked pid=" + hung.pid());
      lookers.hung();
      ProcessTrees.this.lookAgain(asked);
    }

    private void answered(ProcScan.Found found) {
      if (abandoned) {
        wentOn();
        return;
      }
      current = null;
      answer(asked, found);
    }

    private void failed(String why) {
      if (abandoned) {
        wentOn();
        return;
      }
      EngineLog.warn(why);
      loop.schedule(RETRY, () -> ProcessTrees.this.lookAgain(asked));
    }

    /** What it was to stop may be many by now: who only asks waits for the look that stops them. */
    private void cutShortFor(Purpose purpose) {
      if (purpose != Purpose.KNOW && asked.stream().allMatch(Question::isToKnow)) {
        reads.cutShort();
      }
    }

    private void lookAgain() {
      if (abandoned) {
        wentOn();
      } else {
        ProcessTrees.this.lookAgain(asked);
      }
    }

    private void wentOn() {
      lookers.goesOn();
      if (hungIn != null) {
        leftOut.remove(hungIn.pid(), hungIn.started());
      }
    }
  }

  private void look() {
    List<Question> asked = List.copyOf(questions);
    questions.clear();
    Look next = new Look(asked);
    current = next;
    next.begin();
  }

  private void lookAgain(List<Question> asked) {
    questions.addAll(asked);
    look();
  }

  private ProcScan.View view(List<Question> asked) {
    Map<Integer, Long> leaders = new LinkedHashMap<>();
    Map<Integer, TreeMembership> kin = new HashMap<>();
    for (Session session : trees.all()) {
      leaders.put(session.pid(), session.tag());
      kin.putAll(session.outside());
    }
    Set<Integer> unplaced = Set.of();
    if (adopted != null) {
      kin.putAll(adopted.kin());
      unplaced = adopted.unplaced();
    }
    return new ProcScan.View(
        leaders,
        trees(asked, Purpose.values()),
        trees(asked, Purpose.STOP, Purpose.KILL),
        kin,
        unplaced,
        trees.kept());
  }

  private static Set<Long> trees(List<Question> asked, Purpose... purposes) {
    return asked.stream()
        .filter(question -> List.of(purposes).contains(question.purpose))
        .map(Question::tree)
        .collect(Collectors.toSet());
  }

  private void answer(List<Question> asked, ProcScan.Found found) {
    if (adopted != null) {
      adopted.learn(found.kin());
    }
    for (Question question : asked) {
      Session session = trees.tagged(question.tree);
      if (session != null) {
        session.know(found.kin());
      }
      loop.run(() -> question.answer.accept(new Answer(found.of(question.tree), found.vanished())));
    }
    if (current == null && !questions.isEmpty()) {
      look();
    }
  }

  /** Asks the threads to end. On the pump, at its end. */
  public void close() {
    lookers.close();
    if (guard != null) {
      guard.close();
    }
    if (adopted != null) {
      adopted.close();
    }
  }
}
