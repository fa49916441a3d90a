package dev.runnel.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.runnel.ControlGroup;
import dev.runnel.CuttingProxy;
import dev.runnel.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.opentest4j.TestAbortedException;

/**
 * Every job that was ever accepted has exactly one end, and nothing is left behind, whatever fails.
 * The seed is printed; CHAOS_SEED sets it, CHAOS_MINUTES how long the long form takes.
 */
class ChaosTest {
  private static final int NOBODY = 65_534;
  private static final long GROUP_BYTES = 900L << 20;
  private static final Duration SHORT = Duration.ofSeconds(15);

  private static long seed() {
    String set = System.getenv("CHAOS_SEED");
    return set == null ? System.nanoTime() % 1_000_000 : Long.parseLong(set);
  }

  private static Duration longTime() {
    return Duration.ofMinutes(Long.parseLong(System.getenv().getOrDefault("CHAOS_MINUTES", "60")));
  }

  private static boolean isRoot() throws IOException {
    return Files.getOwner(Path.of("/proc/self/").toRealPath()).getName().equals("root");
  }

  @Test
  @Tag("also-root")
  @Tag("slow")
  @Timeout(600)
  void everyJobHasOneEndWhateverFails() throws Exception {
    attack(null, SHORT);
  }

  @Test
  @Tag("root")
  @Tag("long")
  @Timeout(600)
  void everyJobHasOneEndWhateverFailsForAnOrdinaryUser() throws Exception {
    Tool.requireRoot("ChaosTest.everyJobHasOneEndWhateverFailsForAnOrdinaryUser");
    attack(NOBODY, SHORT);
  }

  @Test
  @Tag("also-root")
  @Tag("long")
  @Timeout(3 * 3_600)
  void everyJobHasOneEndWhateverFailsForAnHour() throws Exception {
    attack(null, longTime());
  }

  @Test
  @Tag("root")
  @Tag("long")
  @Timeout(3 * 3_600)
  void everyJobHasOneEndWhateverFailsForAnHourForAnOrdinaryUser() throws Exception {
    Tool.requireRoot("ChaosTest.everyJobHasOneEndWhateverFailsForAnHourForAnOrdinaryUser");
    attack(NOBODY, longTime());
  }

  private static void attack(@Nullable Integer uid, Duration time) throws Exception {
    long seed = seed();
    boolean isRoot = isRoot();
    System.out.println("chaos: CHAOS_SEED=" + seed + " uid=" + (uid == null ? "own" : uid));
    Findings findings = new Findings();
    Path folder = Files.createTempDirectory("runnel-chaos");
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
    try (ControlGroup processes = isRoot ? group(true) : null;
        ControlGroup memory = isRoot ? group(false) : null;
        Disk disk = Disk.make(folder, isRoot)) {
      Victim.Groups groups = new Victim.Groups(path(processes), path(memory));
      try (Victim victim = new Victim(folder, disk, uid, groups)) {
        victim.start();
        try (CuttingProxy proxy =
            new CuttingProxy(victim.life().tlsPort(), seed, List.of(), Integer.MAX_VALUE)) {
          Faults faults = new Faults(victim, proxy, findings, isRoot, isRoot && uid == null);
          new Attack(victim, faults, proxy, findings, seed).run(time);
        }
      }
      System.out.println("chaos: " + findings.counts());
    }
    if (findings.wrong().isEmpty()) {
      delete(folder);
    } else {
      System.out.println("chaos: its files are in " + folder);
    }
    assertEquals(List.of(), findings.wrong(), "CHAOS_SEED=" + seed);
  }

  private static @Nullable ControlGroup group(boolean ofProcesses) throws IOException {
    try {
      if (ofProcesses) {
        return ControlGroup.ofProcesses("ChaosTest");
      }
      // With version 2 nobody is in two of them.
      return Files.isDirectory(Path.of("/sys/fs/cgroup/memory"))
          ? ControlGroup.ofMemory(GROUP_BYTES, "ChaosTest")
          : null;
    } catch (TestAbortedException e) {
      return null;
    }
  }

  private static @Nullable Path path(@Nullable ControlGroup group) {
    return group == null ? null : group.path();
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(path);
      }
    }
  }
}
