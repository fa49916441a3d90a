package dev.runnel.process.proc;

import dev.runnel.model.Signal;
import dev.runnel.process.sys.Children;
import dev.runnel.process.sys.Fd;
import dev.runnel.process.sys.Pid;
import dev.runnel.process.sys.WaitId;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The process table of the kernel below. */
public final class KernelTable implements ProcessTable {
  private final EnvironmentTag mark;
  private final @Nullable Children own;

  /** The pump's own. */
  private final Map<StartThread, Children> others = new HashMap<>();

  private KernelTable(EnvironmentTag mark, @Nullable Children own) {
    this.mark = mark;
    this.own = own;
  }

  /** For a process that adopts the orphans among its descendants, if the kernel lists children. */
  public static KernelTable withChildren(EnvironmentTag mark) {
    return new KernelTable(mark, Children.open(Pid.own()));
  }

  /** For a process whose children are not all ours. */
  public static KernelTable withoutChildren(EnvironmentTag mark) {
    return new KernelTable(mark, null);
  }

  @Override
  public int[] pids() {
    return ProcFiles.pids();
  }

  @Override
  public int session(int pid) {
    return Pid.session(pid);
  }

  @Override
  public int group(int pid) {
    return Pid.group(pid);
  }

  @Override
  public @Nullable ProcStat stat(int pid) {
    return ProcFiles.stat(pid);
  }

  @Override
  public TreeProcess.@Nullable Stage stage(int pid, ProcStat stat) {
    return ProcFiles.stage(pid, stat);
  }

  @Override
  public String command(int pid) {
    return ProcFiles.command(pid);
  }

  @Override
  public long tag(int pid) {
    return mark.of(pid);
  }

  @Override
  public int @Nullable [] children(@Nullable StartThread thread) {
    if (own == null) {
      return null;
    }
    if (thread == null) {
      return own.pids();
    }
    if (!thread.isAlive()) {
      // The kernel gave its children to the first thread.
      Children gone = others.remove(thread);
      if (gone != null) {
        gone.close();
      }
      return Children.NONE;
    }
    Children children = others.get(thread);
    if (children == null) {
      children = Children.open(thread.id());
      if (children == null) {
        return thread.isAlive() ? null : Children.NONE;
      }
      others.put(thread, children);
    }
    return children.pids();
  }

  @Override
  public WaitId.@Nullable Exit look(int pid) {
    return WaitId.look(pid);
  }

  @Override
  public WaitId.@Nullable Exit reap(int pid) {
    return WaitId.reap(pid);
  }

  @Override
  public long ageNanos(ProcStat stat) {
    return Pid.nanosSinceBoot() - stat.started() * Pid.NANOS_PER_TICK;
  }

  @Override
  public long ticks() {
    return Pid.ticksSinceBoot();
  }

  @Override
  public int signalGroup(int group, Signal signal) {
    return Pid.killGroup(group, signal.number());
  }

  @Override
  public int open(int pid) {
    return Pid.open(pid);
  }

  @Override
  public int signal(int pidfd, Signal signal) {
    return Pid.send(pidfd, signal.number());
  }

  @Override
  public void close(int pidfd) {
    Fd.close(pidfd);
  }

  /** On the pump, at its end. */
  public void close() {
    others.values().forEach(Children::close);
    others.clear();
    if (own != null) {
      own.close();
    }
  }
}
