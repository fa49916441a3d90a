package dev.runnel.process;

import dev.runnel.process.proc.ProcFiles;
import dev.runnel.process.proc.ProcStat;
import dev.runnel.process.sys.Pid;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;

/** What ends a process's children with it, whatever ends the process itself. */
public final class InitDetection {
  private static final int INIT = 1;

  /** They end when the one process does that they were given to run. */
  private static final Set<String> SMALL_INITS =
      Set.of("tini", "tini-static", "docker-init", "dumb-init", "catatonit", "podman-init");

  private InitDetection() {}

  /**
   * Whether it is known that the end of this process is the end of its pid namespace or of a
   * service of systemd's.
   */
  public static boolean endsWithThisProcess(Map<String, String> environment) {
    return Pid.own() == INIT
        || Integer.toString(Pid.own()).equals(environment.get("SYSTEMD_EXEC_PID"))
        || (parent() == INIT && SMALL_INITS.contains(nameOfInit()));
  }

  private static int parent() {
    ProcStat stat = ProcFiles.stat(Pid.own());
    return stat == null ? 0 : stat.parent();
  }

  private static String nameOfInit() {
    try {
      return Files.readString(Path.of("/proc/1/comm")).strip();
    } catch (IOException _) {
      return "";
    }
  }
}
