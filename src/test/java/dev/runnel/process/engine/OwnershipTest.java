package dev.runnel.process.engine;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.runnel.model.Stream;
import dev.runnel.process.ProcessEngine;
import dev.runnel.process.proc.ProcView;
import dev.runnel.process.sys.Pid;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * What an engine makes of the process it is in, and what its commands see of that: in JVMs of their
 * own, which begin as daemons are begun by careless parents.
 */
@Tag("also-root")
class OwnershipTest {
  private static final String CARELESS =
      "trap '' HUP PIPE CHLD; umask 077; ulimit -Sn 500; exec 0<&-; "
          + "export RAW=$(printf '\\377') RUNNEL_SECRET=x; exec \"$@\"";

  @Test
  void putsItsOwnProcessInOrder() throws IOException {
    List<String> lines = run(NativeEngine.Ownership.OWN_PROCESS, CARELESS);
    // The limit is set from outside right after the exec, so the command waits for it.
    assertEquals(
        List.of(
            "Exited[code=7]",
            "umask 0022",
            "SigIgn 0000000000000000",
            "soft limit 500",
            "raised true",
            "subreaper true",
            "value 377",
            "ours 0"),
        lines);
  }

  @Test
  void leavesTheProcessOfItsHostAsItIs() throws IOException {
    List<String> lines = run(NativeEngine.Ownership.GUEST, CARELESS.replace(" CHLD", ""));
    assertEquals(
        List.of(
            "Exited[code=7]",
            "umask 0077",
            "SigIgn 0000000000000000",
            "soft limit 500",
            "raised false",
            "subreaper false",
            "value 377",
            "ours 0"),
        lines);
  }

  @Test
  void saysThatItCanBeNoGuestWhereExitStatusesAreLost() throws IOException {
    List<String> lines = run(NativeEngine.Ownership.GUEST, CARELESS);
    assertEquals(
        List.of("SIGCHLD is ignored in this process: no child's exit status can be had"), lines);
  }

  private static List<String> run(NativeEngine.Ownership ownership, String parent)
      throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(
            // Not sh: Debian's takes the CHLD trap and ignores it.
            "bash",
            "-c",
            parent,
            "bash",
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:-MaxFDLimit",
            "-XX:TieredStopAtLevel=1",
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            System.getProperty("java.class.path"),
            Program.class.getName(),
            ownership.name());
    builder.redirectErrorStream(true);
    Process process = builder.start();
    return new String(process.getInputStream().readAllBytes(), UTF_8).lines().toList();
  }

  /** Runs in the other JVM. */
  static final class Program {
    private Program() {}

    public static void main(String[] args) {
      try (NativeEngine engine = NativeEngine.open(NativeEngine.Ownership.valueOf(args[0]))) {
        System.out.println("" + Runs.run(engine, Runs.shell("exit 7")).status());
        System.out.println("umask " + Runs.output(engine, Runs.shell("umask")));
        String ignored = Runs.output(engine, Runs.shell("grep SigIgn /proc/self/status"));
        System.out.println("SigIgn " + ignored.substring(ignored.length() - 16));
        String limit = "until [ $(ulimit -Sn) = 500 ]; do sleep 0.01; done; ulimit -Sn";
        System.out.println("soft limit " + Runs.output(engine, Runs.shell(limit)));
        System.out.println("raised " + (Pid.openFiles(0)[0] > 500));
        System.out.println("subreaper " + adopts(engine));
        Recorder recorder = Runs.run(engine, Runs.shell("printf %s \"$RAW\" | od -An -b"));
        System.out.println("value " + recorder.text(Stream.STDOUT).strip());
        String ours = Runs.output(engine, Runs.shell("env | grep -c RUNNEL_SECRET"));
        System.out.println("ours " + ours);
      } catch (UnsupportedOperationException e) {
        System.out.println(e.getMessage());
      }
    }

    private static boolean adopts(ProcessEngine engine) {
      String line = "(sleep 1000 <&- >&- 2>&- & echo $!)";
      int orphan = Integer.parseInt(Runs.output(engine, Runs.shell(line)));
      boolean adopted = ProcView.children().contains(orphan);
      Pid.killGroup(Pid.group(orphan), 9);
      return adopted;
    }
  }
}
