package dev.runnel.process.tree;

import dev.runnel.model.Signal;
import dev.runnel.process.loop.LoopTasks;
import dev.runnel.process.proc.ProcStat;
import dev.runnel.process.proc.ProcessTable;
import dev.runnel.process.proc.StartThread;
import dev.runnel.process.proc.TreeMembership;
import dev.runnel.process.proc.TreeProcess;
import dev.runnel.process.sys.EngineLog;
import dev.runnel.process.sys.LibcException;
import dev.runnel.process.sys.Pid;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Orphans of our trees: the kernel makes them children of this process, a subreaper, before it
 * reports their parent's end. They are reaped here when they end. The pump's own.
 *
 * <p>They are the whole truth about what a run left. Each process of its tree descends from its
 * command. Once that has ended, the topmost of them that still lives is a child of ours: one whose
 * parent ended, in the list of our first thread; or one that a command made as its own sibling
 * (CLONE_PARENT), in the list of the thread that made the command. So a run has left nobody if, and
 * only if, no child in those lists is of its tree. The lists are complete, as only this thread
 * takes orphans out of them.
 *
 * <p>An orphan is therefore held to be of a run until it is known to be of another, or of none.
 * What it is takes a look, elsewhere; what a look found is judged here, by what is known by then. A
 * run whose start is under way is known before its process is, so that no orphan of it comes too
 * early.
 *
 * <p>After its command's end a run gets new orphans only from those that it has. So once the lists
 * were read, later orphans count for it only when one ended that was of it, or was not known to be
 * of another: the churn of other runs delays no end.
 */
final class SubreaperChildren {
  private static final Duration INTERVAL = Duration.ofSeconds(1);
  private static final int MAX_ROUNDS = 8;
  private static final int UNREADABLE = -1;

  /** Commands need places in the watchdog's list, too. */
  private static final int MAX_LISTED = 1 << 12;

  /** One that can't be looked into for so long delays no run's end any longer. */
  private static final Duration UNREAD_PATIENCE = Duration.ofSeconds(1);

  /** Gets everybody's orphans, also of those who come from outside of the pid namespace. */
  private static final int INIT = 1;

  private final LoopTasks loop;
  private final ProcessTable table;
  private final TreeRegistry trees;
  private final int maxWatched;
  private final Runnable identify;
  private final int ownSession;
  private final Map<Integer, Orphan> orphans = new HashMap<>();
  private final Set<StartThread> makers = new HashSet<>();
  private int watched;
  private int ignored;
  private int listed;
  private boolean watching;
  private boolean idle;
  private final LongAdder found = new LongAdder();
  private long toldNanos;

  /**
   * @param maxWatched that have a descriptor of ours
   * @param identify has it looked at who is unknown
   */
  SubreaperChildren(
      LoopTasks loop, ProcessTable table, TreeRegistry trees, int maxWatched, Runnable identify) {
    this.loop = loop;
    this.table = table;
    this.trees = trees;
    this.maxWatched = maxWatched;
    this.identify = identify;
    this.ownSession = table.session(0);
    this.toldNanos = loop.nanoTime() - INTERVAL.toNanos();
  }

  /** For process 1, which gets orphans from the start. */
  void watchIfInit() {
    if (Pid.own() == INIT) {
      watch();
    }
  }

  /** A child that is none of our orphans, and that is reaped elsewhere. */
  void ignore(int pid) {
    ignored = pid;
  }

  /** The session has begun. It may have left orphans before the pump knew of it. */
  void entered(Session session) {
    makers.add(session.maker());
    for (Orphan orphan : orphans.values()) {
      if (orphan.isUnplaced() && orphan.isNoticedSince(session.begunNanos())) {
        if (orphan.systemSession() == session.pid()) {
          orphan.becomeMember(session.tag());
        } else {
          orphan.becomeUnknown();
        }
      }
    }
    watch();
  }

  /** Looks from time to time, and once more when all is over: nothing tells of an adoption. */
  private void watch() {
    idle = false;
    if (!watching) {
      watching = true;
      loop.schedule(INTERVAL, this::watched);
    }
  }

  private void watched() {
    watching = false;
    boolean wasIdle = idle;
    lookEverywhere();
    orphans.values().stream().filter(Orphan::isLeft).forEach(this::end);
    if (orphans.values().stream().anyMatch(Orphan::isOpen)) {
      identify.run();
    }
    boolean isIdle = trees.isEmpty() && orphans.isEmpty() && Pid.own() != INIT;
    if (!isIdle || !wasIdle) {
      watch();
      idle = isIdle;
    }
  }

  /** Whether nobody but its leader, who has ended, is left of the session's tree. */
  boolean hasNobodyOf(Session session) {
    return covers(session, _ -> false);
  }

  /** The same, if nobody is left of those that are about to be gone. */
  boolean hasNobodyBut(Session session, Set<Integer> leaving) {
    return covers(session, orphan -> leaving.contains(orphan.pid()));
  }

  private boolean covers(Session session, Predicate<Orphan> passed) {
    for (int round = 0; round < MAX_ROUNDS; round++) {
      // In this order: when a thread ends, its children go to the first.
      int reaped = sum(look(session.maker()), look(null));
      if (reaped == UNREADABLE) {
        return false;
      }
      boolean isCovered = false;
      for (Orphan orphan : List.copyOf(orphans.values())) {
        if (mayCover(orphan, session)) {
          boolean isGone = reap(orphan);
          reaped += isGone ? 1 : 0;
          isCovered |= !isGone && !passed.test(orphan);
        }
      }
      // What has been reaped may have left children, who are ours now.
      if (reaped == 0) {
        session.bindCovers(loop.nanoTime());
        return !isCovered;
      }
    }
    return false;
  }

  /** Whether it is of the session's run, or may be. */
  private static boolean mayCover(Orphan orphan, Session session) {
    return orphan.isUnknown()
        ? orphan.isNoticedSince(session.begunNanos()) && !session.isTooLate(orphan.noticedNanos())
        : orphan.isMemberOf(session.tag());
  }

  /** Whether there may be orphans that are not to be kept. */
  boolean hasStrays() {
    return lookEverywhere() == UNREADABLE
        || orphans.values().stream().anyMatch(orphan -> !orphan.isKept());
  }

  /** How many were found of no job that runs. Any thread. */
  long found() {
    return found.sum();
  }

  /** To which runs the orphans belong, as far as that is known. */
  Map<Integer, TreeMembership> kin() {
    Map<Integer, TreeMembership> kin = new HashMap<>();
    for (Orphan orphan : orphans.values()) {
      if (!orphan.isUnplaced()) {
        kin.put(orphan.pid(), orphan.kin());
      }
    }
    return kin;
  }

  /** Those of whom it is to be told to which run they belong, if to any. */
  Set<Integer> unplaced() {
    return orphans.values().stream()
        .filter(Orphan::isUnplaced)
        .map(Orphan::pid)
        .collect(Collectors.toSet());
  }

  /** What a look found out of those who were not known yet. */
  void learn(Map<Integer, TreeMembership> kin) {
    for (Orphan orphan : orphans.values()) {
      TreeMembership found = kin.get(orphan.pid());
      if (orphan.isUnplaced() && found != null && orphan.isSame(found)) {
        place(orphan, found.tree());
      }
    }
  }

  private void place(Orphan orphan, long tree) {
    if (tree == TreeMembership.UNREAD) {
      if (orphan.isUnknown() && orphan.unreadNanos(loop.nanoTime()) >= UNREAD_PATIENCE.toNanos()) {
        orphan.setAside();
        list(orphan);
        tell("orphan that cannot be looked into, of no known job", orphan);
      }
    } else if (tree == TreeMembership.STRAY) {
      if (orphan.isOpen()) {
        orphan.becomeStray();
        list(orphan);
        tell("orphan of no known job, to be ended at the end", orphan);
      }
    } else if (trees.isLive(tree)) {
      orphan.becomeMember(tree);
    } else if (trees.isKept(tree)) {
      orphan.becomeKept(tree);
    } else {
      orphan.becomeLeft(tree);
      tell("orphan of a job that is over, ended", orphan);
      end(orphan);
    }
  }

  // It is nobody's child any more when we are killed, and is to be found by the watchdog then.
  private void list(Orphan orphan) {
    if (listed < MAX_LISTED) {
      listed++;
      Runnable end = trees.births().listStray(orphan.pid());
      orphan.listed(
          () -> {
            listed--;
            end.run();
          });
    }
  }

  private void end(Orphan orphan) {
    table.signal(orphan.pid(), orphan.started(), Signal.KILL);
  }

  private void tell(String what, Orphan orphan) {
    found.increment();
    long now = loop.nanoTime();
    if (now - toldNanos >= INTERVAL.toNanos()) {
      toldNanos = now;
      EngineLog.warn("%s pid=%d orphans=%d".formatted(what, orphan.pid(), found.sum()));
    }
  }

  /** Those of the session live on when it is over. */
  void keep(Session session) {
    covers(session, _ -> true);
    for (Orphan orphan : orphans.values()) {
      if (orphan.isMemberOf(session.tag())) {
        orphan.becomeKept(session.tag());
      }
    }
  }

  /** The runs that keep something that is still there; null: not known. */
  @Nullable Set<Long> kept() {
    boolean known =
        lookEverywhere() != UNREADABLE && orphans.values().stream().noneMatch(Orphan::isUnknown);
    return known
        ? orphans.values().stream()
            .filter(Orphan::isKept)
            .map(orphan -> orphan.kin().tree())
            .collect(Collectors.toSet())
        : null;
  }

  /**
   * The session is over, and its number may get a new owner. Who was given up is looked at anew.
   */
  void release(Session session) {
    for (Orphan orphan : orphans.values()) {
      if (orphan.isMemberOf(session.tag())) {
        orphan.becomeUnknown();
      }
    }
    watch();
  }

  /** What is known of a run without a look: those who are of it, and those who may be. */
  List<TreeProcess> known(Session session) {
    List<TreeProcess> known = new ArrayList<>();
    for (Orphan orphan : orphans.values()) {
      if (mayCover(orphan, session)) {
        String name = name(orphan);
        if (name != null) {
          TreeProcess.Stage stage =
              orphan.isUnknown() ? TreeProcess.Stage.UNIDENTIFIED : TreeProcess.Stage.RUNNING;
          known.add(new TreeProcess(orphan.pid(), orphan.started(), name, stage));
        }
      }
    }
    return known;
  }

  /** Its program's; null: it is gone. Empty where there is no descriptor to look with. */
  private @Nullable String name(Orphan orphan) {
    try {
      ProcStat stat = table.stat(orphan.pid());
      return stat == null ? null : stat.name();
    } catch (LibcException noDescriptor) {
      return "";
    }
  }

  private int lookEverywhere() {
    int reaped = 0;
    makers.removeIf(maker -> !maker.isAlive());
    for (StartThread maker : makers) {
      reaped = sum(reaped, look(maker));
    }
    return sum(reaped, look(null));
  }

  private static int sum(int a, int b) {
    return a == UNREADABLE || b == UNREADABLE ? UNREADABLE : a + b;
  }

  /**
   * Notices who is new among a thread's children; how many of those had ended and were reaped, or
   * that it can't be told, as without a descriptor to look with.
   */
  private int look(@Nullable StartThread maker) {
    try {
      return noticeChildren(maker);
    } catch (LibcException noDescriptor) {
      return UNREADABLE;
    }
  }

  private int noticeChildren(@Nullable StartThread maker) {
    int[] pids = table.children(maker);
    if (pids == null) {
      return UNREADABLE;
    }
    int reaped = 0;
    for (int pid : pids) {
      Orphan known = orphans.get(pid);
      if (known == null) {
        reaped += notice(pid, maker) ? 1 : 0;
      } else if (known.pidfd() == Orphan.UNWATCHED && !watch(known)) {
        reaped += reap(known) ? 1 : 0;
      }
    }
    return reaped;
  }

  /** True if it was reaped at once. */
  private boolean notice(int pid, @Nullable StartThread maker) {
    if (pid == ignored || trees.isCommand(pid)) {
      return false;
    }
    int session = table.session(pid);
    // In our own session nobody is from a command: these are children of the JDK or of a library.
    if (session < 0 || session == ownSession) {
      return false;
    }
    ProcStat stat = null;
    if (maker != null && session == pid) {
      stat = table.stat(pid);
      if (stat == null || isPerhapsCommand(pid, maker, stat)) {
        return false;
      }
    }
    if (table.reap(pid) != null) {
      return true;
    }
    stat = stat == null ? table.stat(pid) : stat;
    if (stat != null) {
      adopt(new Orphan(pid, session, stat.started(), loop.nanoTime()));
    }
    return false;
  }

  private boolean isPerhapsCommand(int pid, StartThread maker, ProcStat stat) {
    // In this order: if we had to wait between the two it looks younger, and is spared for now. The
    // other way round a command that had ended already was taken for an orphan, and reaped.
    long ageNanos = table.ageNanos(stat);
    return trees.births().mayBeCommand(maker, loop.nanoTime(), ageNanos)
        // Asked once more afterwards: it may have told its number meanwhile.
        || trees.isCommand(pid);
  }

  private void adopt(Orphan orphan) {
    Session session = trees.ledBy(orphan.systemSession());
    if (session != null) {
      orphan.becomeMember(session.tag());
    } else {
      orphans.values().stream()
          .filter(other -> !other.isUnplaced() && other.systemSession() == orphan.systemSession())
          .findAny()
          .ifPresent(orphan::becomeLike);
    }
    orphans.put(orphan.pid(), orphan);
    watch(orphan);
  }

  /** False: there is no descriptor left for it. */
  private boolean watch(Orphan orphan) {
    if (watched >= maxWatched) {
      return false;
    }
    int pidfd = table.open(orphan.pid());
    if (pidfd < 0) {
      return false;
    }
    try {
      orphan.hold(pidfd, loop.watch(pidfd, () -> ended(orphan.pid())));
      watched++;
      return true;
    } catch (LibcException noRoom) {
      table.close(pidfd);
      return false;
    }
  }

  private void ended(int pid) {
    Orphan orphan = orphans.get(pid);
    if (orphan != null) {
      // Its children are ours by now, and known by the session that they share with it.
      look(null);
      if (!reap(orphan)) {
        // It was reaped elsewhere.
        forget(orphan);
      }
      trees.all().forEach(Session::orphanEnded);
    }
  }

  /** False if it still runs. */
  private boolean reap(Orphan orphan) {
    if (table.reap(orphan.pid()) == null) {
      return false;
    }
    forget(orphan);
    return true;
  }

  /** It may have left children of the same run, who are noticed from now on. */
  private void forget(Orphan orphan) {
    for (Session session : trees.all()) {
      if (mayCover(orphan, session)) {
        session.unbindCovers();
      }
    }
    orphans.remove(orphan.pid());
    letGo(orphan);
  }

  private void letGo(Orphan orphan) {
    orphan.unwatch();
    if (orphan.pidfd() != Orphan.UNWATCHED) {
      table.close(orphan.pidfd());
      watched--;
    }
  }

  /** Reaps who has ended by now. */
  void close() {
    int reaped = MAX_ROUNDS;
    for (int round = 0; round < MAX_ROUNDS && reaped > 0; round++) {
      reaped = lookEverywhere();
      for (Orphan orphan : List.copyOf(orphans.values())) {
        reaped += reap(orphan) ? 1 : 0;
      }
    }
    orphans.values().forEach(this::letGo);
    orphans.clear();
  }
}
