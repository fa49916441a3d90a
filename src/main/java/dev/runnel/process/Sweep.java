package dev.runnel.process;

import dev.runnel.model.End;
import dev.runnel.model.Signal;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One look through all processes there are: who belongs to which tree. On the sweeper.
 *
 * <p>Who is in a leader's session belongs to it. Of the others, who is known from before does,
 * whose parent does, who is in the session of one that does, and who carries the mark of its job.
 */
final class Sweep {
  /** Read of each tree, more than are ever told: in a crowd it costs as much as all the rest. */
  private static final int MAX_COMMANDS = 4 * End.MAX_LEFTOVERS;

  private static final int READINGS = 3;
  private static final Duration READ_PAUSE = Duration.ofMillis(2);

  private final View view;
  private final Mark mark;
  private final Strangers strangers;
  private final int ownSession = Pid.session(0);
  private final Map<String, Integer> treesByJob = new HashMap<>();
  private final Map<Integer, List<Member>> members = new HashMap<>();

  /** In none of our sessions, by pid. */
  private final Map<Integer, Outsider> outsiders = new LinkedHashMap<>();

  private final Map<Integer, Kin> kin = new HashMap<>();
  private final Map<Integer, Integer> sessionsOfKin = new HashMap<>();
  private final List<Outsider> unread = new ArrayList<>();
  private long earliest;
  private long earliestOfAll;

  /**
   * What is known before.
   *
   * @param trees the job of each, by its leader's pid; the oldest first
   * @param wanted the trees, or STRAY, whose members are asked for
   * @param stopping those of them whose members are stopped as soon as they are found
   * @param kin by pid
   * @param unknown orphans of whom it is to be told whether they are strays
   * @param kept jobs that have ended and keep what they left
   */
  record View(
      Map<Integer, String> trees,
      Set<Integer> wanted,
      Set<Integer> stopping,
      Map<Integer, Kin> kin,
      Set<Integer> unknown,
      Set<String> kept) {
    /** The same, asked for those that are being stopped alone, when more is known. */
    View again(Map<Integer, Kin> more) {
      Map<Integer, Kin> all = new HashMap<>(kin);
      all.putAll(more);
      return new View(trees, stopping, stopping, all, unknown, kept);
    }
  }

  /**
   * What was found.
   *
   * @param members of the trees that were asked for, but for leaders and zombies
   * @param kin of those outside of our sessions, by pid
   */
  record Found(Map<Integer, List<Member>> members, Map<Integer, Kin> kin) {
    List<Member> of(int tree) {
      return members.getOrDefault(tree, List.of());
    }
  }

  private record Outsider(int pid, int session, ThreadStat stat) {}

  Sweep(View view, Mark mark, Strangers strangers) {
    this.view = view;
    this.mark = mark;
    this.strangers = strangers;
    view.trees.forEach((tree, job) -> treesByJob.put(job, tree));
  }

  /**
   * @throws LibcException if there is no descriptor left to look with: then nothing is known
   */
  Found run() {
    earliest = view.wanted.stream().mapToLong(Sweep::startOfTree).min().orElse(0);
    earliestOfAll = view.trees.keySet().stream().findFirst().map(Sweep::startOfTree).orElse(0L);
    for (int pid : ProcFiles.pids()) {
      place(pid);
    }
    readAgain();
    spread();
    outsiders.values().forEach(this::judge);
    return new Found(members, kin);
  }

  private static long startOfTree(int tree) {
    return tree < 0 ? 0 : Math.max(0, ProcFiles.started(tree));
  }

  private void place(int pid) {
    // The system call sorts out nearly all without opening a file.
    int session = Pid.session(pid);
    // 0: the session is outside of our pid namespace, like the kernel's and of who entered it.
    if (session <= 0 || session == ownSession) {
      return;
    }
    if (view.trees.containsKey(session)) {
      if (view.wanted.contains(session) && pid != session) {
        add(session, pid);
      }
    } else if (!strangers.has(pid, session)) {
      placeOutside(pid, session);
    }
  }

  private void placeOutside(int pid, int session) {
    ThreadStat stat = ProcFiles.stat(pid);
    if (stat == null) {
      return;
    }
    if (stat.started() >= earliest) {
      Outsider outsider = new Outsider(pid, session, stat);
      outsiders.put(pid, outsider);
      recognize(outsider);
    } else if (stat.started() < earliestOfAll) {
      strangers.add(pid, session);
    }
  }

  private void add(int tree, int pid) {
    ThreadStat stat = ProcFiles.stat(pid);
    if (stat != null) {
      stopIfAsked(tree, pid, stat);
      List<Member> all = members.computeIfAbsent(tree, _ -> new ArrayList<>());
      Member.Stage stage = ProcFiles.stage(pid, stat);
      if (stage != null) {
        String command = all.size() < MAX_COMMANDS ? ProcFiles.command(pid) : "";
        all.add(new Member(pid, stat.started(), command, stage));
      }
    }
  }

  /** Before anything else is read: it may make a child in every millisecond. */
  private void stopIfAsked(int tree, int pid, ThreadStat stat) {
    if (view.stopping.contains(tree)) {
      Pid.send(pid, stat.started(), Signal.STOP);
    }
  }

  private void recognize(Outsider outsider) {
    Kin known = view.kin.get(outsider.pid);
    Integer tree =
        known != null && known.started() == outsider.stat.started()
            ? Integer.valueOf(known.tree())
            : treeOfParent(outsider);
    if (tree != null) {
      claim(outsider, tree);
    } else {
      readMark(outsider);
    }
  }

  private void readMark(Outsider outsider) {
    String job = mark.of(outsider.pid);
    if (job == null) {
      if (view.unknown.contains(outsider.pid)) {
        unread.add(outsider);
      }
    } else if (!job.equals(Mark.NONE)) {
      claim(outsider, treeOf(job));
    }
  }

  private int treeOf(String job) {
    int otherwise = view.kept.contains(job) ? Kin.KEPT : Kin.STRAY;
    return treesByJob.getOrDefault(job, otherwise);
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

  private void claim(Outsider outsider, int tree) {
    stopIfAsked(tree, outsider.pid, outsider.stat);
    kin.put(outsider.pid, new Kin(tree, outsider.stat.started()));
    // Everybody in it descends from who began it, and that one from our leader.
    sessionsOfKin.put(outsider.session, tree);
  }

  private void spread() {
    boolean grown = true;
    while (grown) {
      grown = false;
      for (Outsider outsider : outsiders.values()) {
        if (!kin.containsKey(outsider.pid)) {
          Integer tree = sessionsOfKin.get(outsider.session);
          tree = tree == null ? treeOfParent(outsider) : tree;
          if (tree != null) {
            claim(outsider, tree);
            grown = true;
          }
        }
      }
    }
  }

  private @Nullable Integer treeOfParent(Outsider outsider) {
    int parent = outsider.stat.parent();
    Kin known = kin.get(parent);
    int tree = known == null ? Pid.session(parent) : known.tree();
    if (known == null && !view.trees.containsKey(tree)) {
      return null;
    }
    // Or else the number has got a new owner since it was read.
    long started = known == null ? ProcFiles.started(parent) : known.started();
    return started >= 0 && started <= outsider.stat.started() ? tree : null;
  }

  private void judge(Outsider outsider) {
    Kin known = kin.get(outsider.pid);
    if (known == null && view.unknown.contains(outsider.pid)) {
      known = new Kin(Kin.STRAY, outsider.stat.started());
      kin.put(outsider.pid, known);
    }
    if (known != null && view.wanted.contains(known.tree())) {
      add(known.tree(), outsider.pid);
    }
  }
}
