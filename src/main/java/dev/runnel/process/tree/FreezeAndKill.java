package dev.runnel.process.tree;

import dev.runnel.model.Signal;
import dev.runnel.process.proc.GuardedReads;
import dev.runnel.process.proc.ProcStat;
import dev.runnel.process.proc.TreeMembership;
import dev.runnel.process.proc.TreeProcess;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.LongSupplier;

/**
 * Kills whole trees, also of those who make children faster than they are found: who is found is
 * stopped at once, until a look finds nobody new; then all are killed. None is killed before, where
 * the caller can wait: under a limit on processes each death makes room for a child of one that
 * still runs. On the sweeper.
 */
final class FreezeAndKill {
  /** Others wait for their looks meanwhile. Who can wait asks again then. */
  private static final Duration TURN = Duration.ofSeconds(2);

  /** Of those who can't wait: whoever was found so far is killed then. */
  private static final Duration LIMIT = Duration.ofSeconds(5);

  private final GuardedReads reads;
  private final LongSupplier nanoTime;
  private final Function<ProcScan.View, ProcScan.Found> look;
  private final Map<Long, Map<Integer, TreeProcess>> stopped = new HashMap<>();
  private final long begunNanos;

  FreezeAndKill(
      GuardedReads reads, LongSupplier nanoTime, Function<ProcScan.View, ProcScan.Found> look) {
    this.reads = reads;
    this.nanoTime = nanoTime;
    this.look = look;
    this.begunNanos = nanoTime.getAsLong();
  }

  /**
   * One look, and as many more as are needed for the trees that are to be killed.
   *
   * @param patient those of them of whom nobody is killed yet if somebody new was found to the last
   */
  ProcScan.Found run(ProcScan.View view, Set<Long> patient) {
    Duration limit = patient.isEmpty() ? LIMIT : TURN;
    ProcScan.Found first = look.apply(view);
    Map<Integer, TreeMembership> kin = new HashMap<>(first.kin());
    ProcScan.Found found = first;
    Set<Long> growing = noteWhoIsNew(view.stopping(), first);
    // Twice at least: the first look finds nobody but new ones.
    for (int looks = 1; !growing.isEmpty() && (looks == 1 || !isOver(limit)); looks++) {
      found = look.apply(view.again(kin));
      kin.putAll(found.kin());
      growing = noteWhoIsNew(view.stopping(), found);
    }
    Map<Long, List<TreeProcess>> members = new HashMap<>(first.members());
    for (Map.Entry<Long, Map<Integer, TreeProcess>> tree : stopped.entrySet()) {
      boolean isSpared = growing.contains(tree.getKey()) && patient.contains(tree.getKey());
      List<TreeProcess> all = new ArrayList<>(tree.getValue().values());
      members.put(tree.getKey(), isSpared ? stoppedOnly(all) : kill(all));
    }
    return new ProcScan.Found(members, kin, found.immune(), first.vanished() || found.vanished());
  }

  private boolean isOver(Duration limit) {
    return nanoTime.getAsLong() - begunNanos >= limit.toNanos();
  }

  /** The trees of which somebody was found who had not been found before. */
  private Set<Long> noteWhoIsNew(Set<Long> trees, ProcScan.Found found) {
    Set<Long> growing = new HashSet<>();
    for (long tree : trees) {
      Map<Integer, TreeProcess> known = stopped.computeIfAbsent(tree, _ -> new LinkedHashMap<>());
      for (TreeProcess member : found.of(tree)) {
        TreeProcess before = known.put(member.pid(), member);
        boolean isNew = before == null || before.started() != member.started();
        // Who can't be stopped may go on making more for ever.
        if (isNew && !found.immune().contains(member.pid())) {
          growing.add(tree);
        }
      }
    }
    return growing;
  }

  private static List<TreeProcess> stoppedOnly(List<TreeProcess> members) {
    members.replaceAll(member -> member.isLeaving() ? member : member.stopped());
    return members;
  }

  /** Now that they stand still. */
  private TreeProcess named(TreeProcess member) {
    ProcStat stat = member.command().isEmpty() ? reads.table().stat(member.pid()) : null;
    return stat == null || stat.started() != member.started()
        ? member
        : new TreeProcess(
            member.pid(), member.started(), reads.command(member.pid(), stat), member.stage());
  }

  /** Children first: of a parent's death the kernel tells its stopped children by CONT. */
  private List<TreeProcess> kill(List<TreeProcess> members) {
    for (int i = 0; i < Math.min(members.size(), ProcScan.MAX_COMMANDS); i++) {
      members.set(i, named(members.get(i)));
    }
    members
        .reversed()
        .forEach(member -> reads.table().signal(member.pid(), member.started(), Signal.KILL));
    return members;
  }
}
