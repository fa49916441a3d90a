package dev.runnel.process.tree;

import dev.runnel.model.Signal;
import dev.runnel.process.loop.LoopTasks;
import dev.runnel.process.proc.ProcessTable;
import dev.runnel.process.proc.TreeProcess;
import dev.runnel.process.sys.LibcException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Members of a tree, held by pidfd: signalled, and watched until they end. The pump's own. */
public final class PidfdSet {
  /** Those beyond are signalled too, but their end shows only in a later look. */
  private static final int MAX_WATCHED = 256;

  private final LoopTasks loop;
  private final ProcessTable table;
  private final Runnable onLastEnded;
  private final Map<Integer, Target> watched = new HashMap<>();

  private record Target(int pidfd, LoopTasks.Watch end) {}

  public PidfdSet(LoopTasks loop, ProcessTable table, Runnable onLastEnded) {
    this.loop = loop;
    this.table = table;
    this.onLastEnded = onLastEnded;
  }

  public boolean isEmpty() {
    return watched.isEmpty();
  }

  /** Signals a member, and watches it if it is not watched yet. */
  public void add(TreeProcess member, List<Signal> signals) {
    int pid = member.pid();
    Target known = watched.get(pid);
    if (known != null) {
      send(known.pidfd, signals);
      return;
    }
    int pidfd = table.open(pid, member.started());
    if (pidfd < 0) {
      return;
    }
    send(pidfd, signals);
    if (watched.size() == MAX_WATCHED || !watch(pid, pidfd)) {
      table.close(pidfd);
    }
  }

  private boolean watch(int pid, int pidfd) {
    try {
      watched.put(pid, new Target(pidfd, loop.watch(pidfd, () -> ended(pid))));
      return true;
    } catch (LibcException noRoom) {
      return false;
    }
  }

  void send(Signal signal) {
    watched.values().forEach(target -> send(target.pidfd, List.of(signal)));
  }

  private void send(int pidfd, List<Signal> signals) {
    for (Signal signal : signals) {
      table.signal(pidfd, signal);
    }
  }

  private void ended(int pid) {
    Target target = watched.remove(pid);
    if (target != null) {
      close(target);
    }
    if (watched.isEmpty()) {
      onLastEnded.run();
    }
  }

  private void close(Target target) {
    target.end.end();
    table.close(target.pidfd);
  }

  public void close() {
    List.copyOf(watched.values()).forEach(this::close);
    watched.clear();
  }
}
