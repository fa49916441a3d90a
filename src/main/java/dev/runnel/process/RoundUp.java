package dev.runnel.process;

import dev.runnel.model.Signal;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.LongSupplier;

/**
 * Kills whole trees, also of those who make children faster than they are found: who is found is
 * stopped at once, until a look finds nobody new; then all are killed. On the sweeper.
 */
final class RoundUp {
  /**
   * Those found so far are killed then, which makes room for more of them; the caller looks again.
   */
  private static final Duration LIMIT = Duration.ofSeconds(5);

  private final GuardedReads reads;
  private final LongSupplier nanoTime;
  private final Function<Sweep.View, Sweep.Found> look;
  private final Map<Long, Map<Integer, Member>> stopped = new HashMap<>();
  private final long begunNanos;

  RoundUp(GuardedReads reads, LongSupplier nanoTime, Function<Sweep.View, Sweep.Found> look) {
    this.reads = reads;
    this.nanoTime = nanoTime;
    this.look = look;
    this.begunNanos = nanoTime.getAsLong();
  }

  /** One look, and as many more as are needed for the trees that are to be killed. */
  Sweep.Found run(Sweep.View view) {
    Sweep.Found first = look.apply(view);
    Map<Integer, Kin> kin = new HashMap<>(first.kin());
    Sweep.Found found = first;
    while (noteWhoIsNew(view.stopping(), found)
        && nanoTime.getAsLong() - begunNanos < LIMIT.toNanos()) {
      found = look.apply(view.again(kin));
      kin.putAll(found.kin());
    }
    Map<Long, List<Member>> members = new HashMap<>(first.members());
    stopped.forEach((tree, all) -> members.put(tree, kill(new ArrayList<>(all.values()))));
    return new Sweep.Found(members, kin, first.vanished() || found.vanished());
  }

  private boolean noteWhoIsNew(Set<Long> trees, Sweep.Found found) {
    boolean grown = false;
    for (long tree : trees) {
      Map<Integer, Member> known = stopped.computeIfAbsent(tree, _ -> new LinkedHashMap<>());
      for (Member member : found.of(tree)) {
        Member before = known.put(member.pid(), member);
        grown |= before == null || before.started() != member.started();
      }
    }
    return grown;
  }

  /** Now that they stand still. */
  private Member named(Member member) {
    ThreadStat stat = member.command().isEmpty() ? reads.table().stat(member.pid()) : null;
    return stat == null || stat.started() != member.started()
        ? member
        : new Member(
            member.pid(), member.started(), reads.command(member.pid(), stat), member.stage());
  }

  /** Children first: of a parent's death the kernel tells its stopped children by CONT. */
  private List<Member> kill(List<Member> members) {
    for (int i = 0; i < Math.min(members.size(), Sweep.MAX_COMMANDS); i++) {
      members.set(i, named(members.get(i)));
    }
    members
        .reversed()
        .forEach(member -> reads.table().signal(member.pid(), member.started(), Signal.KILL));
    return members;
  }
}
