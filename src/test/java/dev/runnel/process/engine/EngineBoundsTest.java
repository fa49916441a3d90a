package dev.runnel.process.engine;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.Signal;
import dev.runnel.model.Stream;
import dev.runnel.process.EngineLimits;
import dev.runnel.process.OsProcess;
import dev.runnel.process.proc.EnvironmentTag;
import dev.runnel.process.proc.ProcView;
import dev.runnel.process.sys.Fd;
import dev.runnel.process.sys.Pid;
import dev.runnel.process.tree.Watchdog;
import java.io.BufferedReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** More of a kind than an engine keeps in mind. */
@Tag("also-root")
@Tag("slow")
class EngineBoundsTest {
  private static final int ORPHANS = 10;
  private static final int KEPT = 2;

  private static NativeEngine engine(int orphans) {
    return NativeEngine.open(
        NativeEngine.Ownership.OWN_PROCESS,
        new EnvironmentTag(UUID.randomUUID().toString()),
        new EngineLimits(Duration.ofSeconds(10), orphans, KEPT));
  }

  private static long pidfds() {
    return ProcView.descriptors().getOrDefault("anon_inode:[pidfd]", 0);
  }

  /** Many orphans, of which each waits for a writer that never comes. */
  private static String orphans(Path folder, int count) {
    return "mkfifo '%1$s/f'; i=0; while [ $((i += 1)) -le %2$d ]; do (: <'%1$s/f' &); done;"
        .formatted(folder, count);
  }

  @Test
  void orphansBeyondTheBoundTakeNoDescriptorAndAreEndedAllTheSame(@TempDir Path folder) {
    endsAll(folder, ORPHANS, 5 * ORPHANS);
  }

  @Test
  void holdsForTheBoundOfADaemon(@TempDir Path folder) {
    endsAll(folder, EngineLimits.DEFAULT.orphans(), EngineLimits.DEFAULT.orphans() + 100);
  }

  private static void endsAll(Path folder, int bound, int count) {
    List<Integer> before = ProcView.children();
    long pidfds = pidfds();
    try (NativeEngine engine = engine(bound)) {
      String line = orphans(folder, count) + " echo ready; exec sleep 1000";
      Recorder recorder = Runs.startAndAwait(engine, Runs.shell(line));
      Runs.await("ready", () -> recorder.text(Stream.STDOUT).equals("ready\n"));
      // The leader's is one of them.
      Runs.await("as many as may be", () -> pidfds() == pidfds + bound + 1);
      // All there are: nobody else is to come.
      Recorder other = Runs.run(engine, Runs.shell("exit 3"));
      assertEquals(0, Runs.survivors(engine, other).total());
      assertEquals(pidfds + bound + 1, pidfds());

      Runs.clear(engine, recorder, Duration.ZERO);
      ProcView.awaitNoChildrenBut(before);
      Runs.await("descriptors", () -> pidfds() == pidfds);
    }
  }

  @Test
  void strayOrphansBeyondTheBoundAreEndedWithTheEngine(@TempDir Path folder) {
    List<Integer> before = ProcView.children();
    try (NativeEngine engine = engine(ORPHANS)) {
      String strays = orphans(folder, 3 * ORPHANS).replace("'", "'\\''");
      Runs.run(engine, Runs.shell("env -i PATH=$PATH setsid sh -c '(" + strays + ")' >&- 2>&-"));
    }
    assertTrue(before.containsAll(ProcView.children()), () -> "" + ProcView.children());
  }

  /** An engine with a watchdog: tells who was kept, job by job, until it is killed. */
  static final class Keeper {
    public static void main(String[] jobs) {
      NativeEngine engine = engine(ORPHANS);
      engine.guard();
      for (int i = 0; i < Integer.parseInt(jobs[0]); i++) {
        Recorder kept = Runs.run(engine, Runs.shell("sleep 1000 <&- >&- 2>&- & echo $!"));
        Runs.onPump(engine, kept, OsProcess::discardOutput);
        System.out.print(kept.text(Stream.STDOUT));
      }
      System.out.println("kept");
      Runs.await("its end", () -> false);
    }
  }

  @Test
  void ofJobsThatKeepWhatTheyLeftTheLastAreSparedByTheWatchdog() throws Exception {
    Process keeper = keeper(3 * KEPT);
    List<Integer> kept = new ArrayList<>();
    try (BufferedReader lines = keeper.inputReader(UTF_8)) {
      for (String line = lines.readLine(); !line.equals("kept"); line = lines.readLine()) {
        kept.add(Integer.valueOf(line));
      }
      // Awaited: at its exec a program has no arguments for a moment.
      Runs.await(
          "one watchdog",
          () ->
              keeper.children().map(ProcessHandle::pid).filter(EngineBoundsTest::isWatchdog).count()
                  == 1);
    } finally {
      keeper.destroyForcibly().waitFor();
    }
    for (int pid : kept.subList(0, kept.size() - KEPT)) {
      Runs.await("end of " + pid, () -> !ProcView.isAlive(pid));
    }
    for (int pid : kept.subList(kept.size() - KEPT, kept.size())) {
      assertTrue(ProcView.isAlive(pid), () -> pid + " of " + kept);
      Pid.killGroup(Pid.group(pid), Signal.KILL.number());
    }
    assertFalse(kept.isEmpty());
  }

  @Test
  void aWatchdogThatDoesNotReadWhatItIsToldHoldsNobodyUp(@TempDir Path folder) throws Exception {
    Path java = Files.createDirectories(folder.resolve("bin")).resolve("java");
    Files.writeString(java, "#!/bin/sh\nexec sleep 1000\n");
    Files.setPosixFilePermissions(java, PosixFilePermissions.fromString("rwxr-xr-x"));
    List<Long> kept = Collections.nCopies(EngineLimits.DEFAULT.keptJobs(), Long.MAX_VALUE);
    int none = Fd.open("/dev/null".getBytes(US_ASCII), Fd.O_RDONLY);
    String home = System.getProperty("java.home");
    System.setProperty("java.home", folder.toString());
    try {
      Watchdog watchdog =
          Runs.get(
              CompletableFuture.supplyAsync(
                  () -> Watchdog.start(new EnvironmentTag("boot"), none, kept)));
      Runs.get(CompletableFuture.runAsync(() -> kept.forEach(watchdog::keep)));
      watchdog.end();
    } finally {
      System.setProperty("java.home", home);
      Fd.close(none);
    }
  }

  private static boolean isWatchdog(long pid) {
    return ProcView.text((int) pid, "cmdline").startsWith("runnel-watchdog\0");
  }

  private static Process keeper(int jobs) throws java.io.IOException {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--enable-native-access=ALL-UNNAMED",
            "-XX:+UseSerialGC",
            "-XX:-MaxFDLimit",
            "-cp",
            System.getProperty("java.class.path"),
            Keeper.class.getName(),
            "" + jobs)
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
  }
}
