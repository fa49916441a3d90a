package dev.runnel.chaos;

import dev.runnel.CuttingProxy;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Everything that fails around a daemon, for moments that follow from a seed: one thread begins and
 * ends a failure after the other, sometimes two at once.
 */
final class Faults {
  private static final String FROZEN = "disk frozen";

  private final Victim victim;
  private final CuttingProxy proxy;
  private final Findings findings;
  private final List<Fault> faults = new ArrayList<>();

  /** What is done, and undone. */
  private interface Step {
    void run() throws Exception;
  }

  /** A failure: how it begins, how it ends, how long it may last. */
  private record Fault(String name, int maxMillis, Step begin, Step end) {}

  /**
   * @param isRoot whether this runs as root, whoever the daemon is
   * @param isRootsDaemon whether the daemon is root's, whom permissions and numbers don't bind
   */
  Faults(
      Victim victim, CuttingProxy proxy, Findings findings, boolean isRoot, boolean isRootsDaemon) {
    this.victim = victim;
    this.proxy = proxy;
    this.findings = findings;
    add("stop", 2_000, () -> signal(Sys.STOP), () -> signal(Sys.CONT));
    add("hang up", 10, () -> signal(Sys.HUP), () -> {});
    add("descriptors", 2_000, this::fewDescriptors, () -> restore(Sys.OPEN_FILES));
    add("file size", 3_000, () -> lower(Sys.FILE_SIZE, 1 << 12), () -> restore(Sys.FILE_SIZE));
    add("cut", 10, proxy::cutAll, () -> {});
    add("silence", 3_000, proxy::silenceAll, proxy::cutAll);
    add("refuse", 1_000, proxy::refuse, proxy::admit);
    if (!isRootsDaemon) {
      add("threads", 1_500, () -> lower(Sys.PROCESSES, 1), () -> restore(Sys.PROCESSES));
      add("permissions", 2_000, () -> permit("---------"), () -> permit("rwx------"));
    }
    Path processes = victim.groups().processes();
    if (processes != null) {
      add("pids", 2_000, () -> letNobodyIn(processes), () -> letEverybodyIn(processes));
    }
    if (isRoot && victim.disk().isOwn()) {
      add("disk full", 4_000, victim.disk()::fill, victim.disk()::free);
      add(FROZEN, 2_500, victim.disk()::freeze, victim.disk()::thaw);
    }
  }

  private void add(String name, int maxMillis, Step begin, Step end) {
    faults.add(new Fault(name, maxMillis, begin, end));
  }

  /** Has things fail until that time, by nanoTime; all is well when it returns. */
  void run(SplittableRandom random, long until) throws Exception {
    while (System.nanoTime() - until < 0) {
      Thread.sleep(random.nextInt(50, 1_500));
      Fault first = faults.get(random.nextInt(faults.size()));
      Fault second = faults.get(random.nextInt(faults.size()));
      int millis = random.nextInt(5, first.maxMillis + 6);
      // Who changes a file on a frozen disk, as other faults do, waits until it is thawed.
      boolean both = random.nextInt(4) == 0 && !second.equals(first) && !first.name.equals(FROZEN);
      during(
          first,
          () -> {
            if (both) {
              during(second, () -> Thread.sleep(Math.min(millis, second.maxMillis)));
            } else {
              Thread.sleep(millis);
            }
          });
    }
  }

  private void during(Fault fault, Step what) throws Exception {
    findings.count("fault: " + fault.name);
    try {
      fault.begin.run();
      what.run();
    } finally {
      fault.end.run();
    }
  }

  private long pid() {
    return victim.life().pid();
  }

  private void signal(int signal) {
    if (victim.life().process().isAlive()) {
      Sys.kill(pid(), signal);
    }
  }

  private void fewDescriptors() throws IOException {
    int open = 0;
    try (DirectoryStream<Path> files =
        Files.newDirectoryStream(Path.of("/proc/" + pid() + "/fd"))) {
      for (Path _ : files) {
        open++;
      }
    }
    lower(Sys.OPEN_FILES, open + 3);
  }

  private void lower(int resource, long soft) {
    Sys.setLimit(pid(), resource, Sys.limit(pid(), resource).withSoft(soft));
  }

  private void restore(int resource) {
    Sys.Limit limit = Sys.limit(pid(), resource);
    Sys.setLimit(pid(), resource, new Sys.Limit(limit.hard(), limit.hard()));
  }

  private void permit(String permissions) throws IOException {
    Disk.permit(victim.state(), permissions);
    Disk.permit(victim.state().resolve("jobs"), permissions);
  }

  private static void letNobodyIn(Path group) throws IOException {
    String now = Files.readString(group.resolve("pids.current")).strip();
    Files.writeString(group.resolve("pids.max"), now);
  }

  private static void letEverybodyIn(Path group) throws IOException {
    Files.writeString(group.resolve("pids.max"), "max");
  }

  /** The proxy's port, over which connections are cut. */
  int proxyPort() {
    return proxy.port();
  }
}
