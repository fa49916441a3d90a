package dev.runnel.process.tree;

import dev.runnel.model.End;
import dev.runnel.model.Signal;
import dev.runnel.process.proc.GuardedReads;
import dev.runnel.process.proc.ProcStat;
import dev.runnel.process.proc.ProcessTable;
import dev.runnel.process.proc.TreeMembership;
import dev.runnel.process.proc.TreeProcess;
import dev.runnel.process.proc.UnrelatedPids;
import dev.runnel.process.sys.Children;
import dev.runnel.process.sys.Errno;
import dev.runnel.process.sys.LibcException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One look through all processes there are: who belongs to which tree. On the sweeper.
 *
 * <p>Who is in a leader's session belongs to it. Of the others, who is known from before does,
 * whose parent does, who is in a session that one began who does, and who carries the mark of its
 * run.
 *
 * <p>A look is not of one moment: a process that makes another and ends meanwhile may hide it. So
 * it finds members, and never tells that there are none; see {@link Session}.
 */
final class ProcScan {
  /** Read of each tree, more than are ever told: in a crowd it costs as much as all the rest. */
  static final int MAX_COMMANDS = 4 * End.MAX_LEFTOVERS;

  private static final int READINGS = 3;
  private static final Duration READ_PAUSE = Duration.ofMillis(2);

  private final View view;
  private final GuardedReads reads;
  private final ProcessTable table;
  private final UnrelatedPids strangers;
  private final int ownSession;
  private final Map<Long, List<TreeProcess>> members = new HashMap<>();

  /** In none of our sessions, by pid. */
  private final Map<Integer, Outsider> outsiders = new LinkedHashMap<>();

  private final Map<Integer, TreeMembership> kin = new HashMap<>();
  private final Set<Integer> immune = new HashSet<>();
  private final Map<Integer, Long> sessionsOfKin = new HashMap<>();
  private final List<Outsider> unread = new ArrayList<>();
  private long earliest;
  private long earliestOfAll;
  private boolean vanished;

  /**
   * What is known before.
   *
   * @param trees the tag of each, by its leader's pid; the oldest first
   * @param wanted the trees, or STRAY, whose members are asked for
   * @param stopping those of them whose members are stopped as soon as they are found
   * @param kin by pid
   * @param unplaced orphans of whom it is to be told to which tree they belong
   * @param kept tags of runs that are over and keep what they left
   */
  record View(
      Map<Integer, Long> trees,
      Set<Long> wanted,
      Set<Long> stopping,
      Map<Integer, TreeMembership> kin,
      Set<Integer> unplaced,
      Set<Long> kept) {
    /** The same, asked for those that are being stopped alone, when more is known. */
    View again(Map<Integer, TreeMembership> more) {
      Map<Integer, TreeMembership> all = new HashMap<>(kin);
      all.putAll(more);
      // What was not found out is asked again.
      all.values().removeIf(known -> known.tree() < 0 && !wanted.contains(known.tree()));
      return new View(trees, stopping, stopping, all, unplaced, kept);
    }

    private boolean wantsStrays() {
      return wanted.contains(TreeMembership.STRAY);
    }
  }

  /**
   * What was found.
   *
   * @param members of the trees that were asked for, but for leaders and zombies
   * @param kin of those outside of our sessions, by pid
   * @param immune those of them who could not be stopped, as they are another user's by now
   * @param vanished whether a process ended before it was looked at
   */
  record Found(
      Map<Long, List<TreeProcess>> members,
      Map<Integer, TreeMembership> kin,
      Set<Integer> immune,
      boolean vanished) {
    List<TreeProcess> of(long tree) {
      return members.getOrDefault(tree, List.of());
    }
  }

  private record Outsider(int pid, int session, ProcStat stat) {}

  ProcScan(View view, GuardedReads reads, UnrelatedPids strangers) {
    this.view = view;
    this.reads = reads;
    this.table = reads.table();
    this.strangers = strangers;
    this.ownSession = table.session(0);
  }

  /**
   * @throws LibcException if there is no descriptor left to look with: then nothing is known
   */
  Found run() {
    earliest = earliestWanted();
    earliestOfAll = view.trees.keySet().stream().findFirst().map(this::startOfTree).orElse(0L);
    // First, and at once: one that keeps moving on into new processes is among these.
    int[] children = table.children(null);
    Set<Integer> placed = new HashSet<>();
    for (int pid : children == null ? Children.NONE : children) {
      placed.add(pid);
      place(pid);
    }
    for (int pid : table.pids()) {
      if (!placed.contains(pid)) {
        place(pid);
      }
    }
    readAgain();
    spread();
    outsiders.values().forEach(this::judge);
    return new Found(members, kin, immune, vanished);
  }

  private long earliestWanted() {
    return view.wantsStrays()
        ? 0
        : view.trees.entrySet().stream()
            .filter(tree -> view.wanted.contains(tree.getValue()))
            .mapToLong(tree -> startOfTree(tree.getKey()))
            .min()
            .orElse(Long.MAX_VALUE);
  }

  private long startOfTree(int leader) {
    return Math.max(0, table.started(leader));
  }

  private void place(int pid) {
    reads.check();
    // The system call sorts out nearly all without opening a file.
    int session = table.session(pid);
    vanished |= session == -Errno.ESRCH;
    // 0: the session is outside of our pid namespace, like the kernel's and of who entered it.
    if (session <= 0 || session == ownSession) {
      return;
    }
    Long tree = view.trees.get(session);
    if (tree != null) {
      if (view.wanted.contains(tree) && pid != session) {
        add(tree, pid);
      }
    } else if (!isStranger(pid, session)) {
      placeOutside(pid, session);
    }
  }

  private boolean isStranger(int pid, int session) {
    return !view.wantsStrays() && !view.unplaced.contains(pid) && strangers.has(pid, session);
  }

  private void placeOutside(int pid, int session) {
    ProcStat stat = table.stat(pid);
    if (stat == null) {
      vanished = true;
    } else if (stat.started() >= earliest || view.unplaced.contains(pid)) {
      Outsider outsider = new Outsider(pid, session, stat);
      outsiders.put(pid, outsider);
      recognize(outsider);
    } else if (stat.started() < earliestOfAll) {
      strangers.add(pid, session);
    }
  }

  private void add(long tree, int pid) {
    ProcStat stat = table.stat(pid);
    if (stat == null) {
      vanished = true;
      return;
    }
    stopIfAsked(tree, pid, stat);
    List<TreeProcess> all = members.computeIfAbsent(tree, _ -> new ArrayList<>());
    TreeProcess.Stage stage = table.stage(pid, stat);
    if (stage != null) {
      // One that forks without end holds what its arguments are read under: first all are stopped.
      boolean isToBeRead = all.size() < MAX_COMMANDS && !view.stopping.contains(tree);
      String command = isToBeRead ? reads.command(pid, stat) : "";
      all.add(new TreeProcess(pid, stat.started(), command, stage));
    }
  }

  /** Before anything else is read: it may make a child in every millisecond. */
  private void stopIfAsked(long tree, int pid, ProcStat stat) {
    if (view.stopping.contains(tree)
        && table.signal(pid, stat.started(), Signal.STOP) == -Errno.EPERM) {
      immune.add(pid);
    }
  }

  private void recognize(Outsider outsider) {
    TreeMembership known = view.kin.get(outsider.pid);
    Long tree =
        known != null && known.started() == outsider.stat.started()
            ? Long.valueOf(known.tree())
            : treeOfParent(outsider);
    if (tree != null) {
      claim(outsider, tree);
    } else {
      readMark(outsider);
    }
  }

  private void readMark(Outsider outsider) {
    long tag = reads.tag(outsider.pid, outsider.stat);
    if (tag > ProcessTable.NO_TAG) {
      claim(outsider, treeOf(tag));
    } else if (tag == ProcessTable.UNREADABLE && mayBeReadable(outsider)) {
      unread.add(outsider);
    }
  }

  private boolean mayBeReadable(Outsider outsider) {
    return view.unplaced.contains(outsider.pid) || !outsider.stat.isDead();
  }

  /** Where strays are asked for, nobody starts anything any more. */
  private long treeOf(long tag) {
    boolean isOver = !view.trees.containsValue(tag) && !view.kept.contains(tag);
    return view.wantsStrays() && isOver ? TreeMembership.STRAY : tag;
  }

  /** While a program is executed there is no environment. */
  private void readAgain() {
    for (int i = 0; i < READINGS && !unread.isEmpty(); i++) {
      pause();
      List<Outsider> again = List.copyOf(unread);
      unread.clear();
      again.forEach(this::readMark);
    }
  }

  private static void pause() {
    try {
      Thread.sleep(READ_PAUSE);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void claim(Outsider outsider, long tree) {
    stopIfAsked(tree, outsider.pid, outsider.stat);
    kin.put(outsider.pid, new TreeMembership(tree, outsider.stat.started()));
    if (beganItsSession(outsider)) {
      sessionsOfKin.put(outsider.session, tree);
    }
  }

  /**
   * Then everybody in the session descends from it, as far as can be told: who merely carries the
   * mark of a run, in the session of somebody who does not, makes none of the others ours.
   */
  private boolean beganItsSession(Outsider outsider) {
    if (outsider.pid == outsider.session) {
      return true;
    }
    ProcStat leader = table.stat(outsider.session);
    return leader == null || leader.isDead();
  }

  private void spread() {
    boolean grown = true;
    while (grown) {
      grown = false;
      for (Outsider outsider : outsiders.values()) {
        if (!kin.containsKey(outsider.pid)) {
          Long tree = sessionsOfKin.get(outsider.session);
          tree = tree == null ? treeOfParent(outsider) : tree;
          if (tree != null) {
            claim(outsider, tree);
            grown = true;
          }
        }
      }
    }
  }

  private @Nullable Long treeOfParent(Outsider outsider) {
    int parent = outsider.stat.parent();
    TreeMembership known = kin.get(parent);
    Long tree = known == null ? view.trees.get(table.session(parent)) : Long.valueOf(known.tree());
    if (tree == null) {
      return null;
    }
    // Or else the number has got a new owner since it was read.
    long started = known == null ? table.started(parent) : known.started();
    return started >= 0 && started <= outsider.stat.started() ? tree : null;
  }

  private void judge(Outsider outsider) {
    TreeMembership known = kin.get(outsider.pid);
    if (known == null && view.unplaced.contains(outsider.pid)) {
      boolean isUnread = unread.contains(outsider) && !view.wantsStrays();
      known =
          new TreeMembership(
              isUnread ? TreeMembership.UNREAD : TreeMembership.STRAY, outsider.stat.started());
      kin.put(outsider.pid, known);
    }
    if (known != null && view.wanted.contains(known.tree())) {
      add(known.tree(), outsider.pid);
    }
  }
}
