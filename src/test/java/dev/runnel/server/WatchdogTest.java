package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.Daemon;
import dev.runnel.Tool;
import dev.runnel.chaos.Oddities;
import dev.runnel.server.RawClient.Ran;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A daemon that is killed can end nothing any more: its watchdog does. */
@Tag("also-root")
@Tag("slow")
class WatchdogTest {
  private static Daemon start() throws Exception {
    return Daemon.start("--listen", "127.0.0.1:0", "--insecure", "--watchdog", "on");
  }

  private static List<Long> watchdogs(Daemon daemon) throws IOException {
    try (Stream<ProcessHandle> children = daemon.process().children()) {
      return children
          .map(ProcessHandle::pid)
          .filter(pid -> text(pid, "cmdline").startsWith("runnel-watchdog\0"))
          .toList();
    }
  }

  private static String text(long pid, String file) {
    try {
      return Files.readString(Path.of("/proc/" + pid + "/" + file));
    } catch (IOException gone) {
      return "";
    }
  }

  private static List<Long> pids(String lines) {
    return lines.lines().map(Long::valueOf).toList();
  }

  @Test
  void endsEveryTreeAndSparesWhatWasKept() throws Exception {
    try (Daemon daemon = start();
        RawClient client = new RawClient(daemon.port());
        RawClient other = new RawClient(client.socket().getPort())) {
      String escape = "setsid sleep 1000 <&- >&- 2>&- & echo $!; ";
      String stay = "sleep 1001 <&- >&- 2>&- & echo $!; ";
      client.send("'leftovers':'keep'", escape + stay);
      List<Long> kept = pids(client.finish().out());
      assertEquals(2, kept.size());
      other.send(
          "'leftovers':'keep'", escape + "trap '' TERM; " + stay + "echo $$; wait; sleep 1000");
      String told = "";
      while (told.lines().count() < 3 || !told.endsWith("\n")) {
        told += other.output(1);
      }

      var _ = daemon.process().destroyForcibly();

      for (long pid : pids(told)) {
        Until.gone(pid);
      }
      for (long pid : kept) {
        assertTrue(Until.isAlive(pid));
        ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
        Until.gone(pid);
      }
    }
  }

  /** The numbers that a command tells, which go on running. */
  private static List<Long> told(RawClient client, int count) throws IOException {
    String told = "";
    while (told.lines().count() < count || !told.endsWith("\n")) {
      told += client.output(1);
    }
    return pids(told);
  }

  private static String emptied(String line) {
    return "exec env -i PATH=\"$PATH\" sh -c '" + line + "'";
  }

  @Test
  void endsCommandsThatEmptiedTheirEnvironment() throws Exception {
    try (Daemon daemon = start();
        RawClient client = new RawClient(daemon.port());
        RawClient limited = new RawClient(client.socket().getPort());
        RawClient gone = new RawClient(client.socket().getPort());
        RawClient keeping = new RawClient(client.socket().getPort())) {
      String family = "sleep 1000 & echo $!; setsid sleep 1001 & echo $!; echo $$; wait";
      client.send("", emptied(family));
      // Made in another way.
      limited.send("'limits':{'open_files':100}", emptied(family));
      // Its leader has ended, and who is left holds its output.
      gone.send(
          "'drain_ms':60000,'drain_max_ms':60000",
          emptied("trap \"\" TERM; sleep 1002 & echo $!; exit 0"));
      keeping.send("'leftovers':'keep'", emptied("sleep 1003 <&- >&- 2>&- & echo $!; exit 0"));
      List<Long> kept = pids(keeping.finish().out());
      List<Long> told = new ArrayList<>(told(client, 3));
      told.addAll(told(limited, 3));
      told.addAll(told(gone, 1));
      gone.nextOfType("exited");
      for (long pid : told) {
        Until.holds("an emptied environment", () -> !text(pid, "environ").contains("RUNNEL_MARK"));
      }

      var _ = daemon.process().destroyForcibly();

      for (long pid : told) {
        Until.gone(pid);
      }
      for (long pid : kept) {
        assertTrue(Until.isAlive(pid));
        ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
        Until.gone(pid);
      }
    }
  }

  @Test
  void endsThoseOfNoKnownJob(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("pid");
    String stray = "(sleep 1000 <&- >&- 2>&- & echo $! >" + file + ")";
    try (Daemon daemon = start();
        RawClient client = new RawClient(daemon.port())) {
      client.send(
          "",
          "env -i PATH=$PATH setsid sh -c '"
              + stray
              + "'; until [ -s "
              + file
              + " ]; do sleep 0.01; done");
      assertEquals("exited", client.finish().outcome());
      long pid = Long.parseLong(Files.readString(file).strip());
      Until.holds("it to be known", () -> daemon.log().contains("no known job"));
      assertTrue(Until.isAlive(pid));

      var _ = daemon.process().destroyForcibly();

      Until.gone(pid);
    }
  }

  // No JVM starts in such a folder, and the watchdog becomes one only now.
  @Test
  void endsEveryTreeOfADaemonWhoseFolderIsGone(@TempDir Path folder) throws Exception {
    Path gone = Files.createDirectory(folder.resolve("gone"));
    List<String> there = List.of("sh", "-c", "cd \"$0\" && exec \"$@\"", gone.toString());
    try (Daemon daemon =
            Daemon.startWithin(there, "--listen", "127.0.0.1:0", "--insecure", "--watchdog", "on");
        RawClient client = new RawClient(daemon.port())) {
      client.send("'cwd':'/'", "echo $$; exec sleep 1000");
      String told = "";
      while (!told.endsWith("\n")) {
        told += client.output(1);
      }
      Files.delete(gone);

      var _ = daemon.process().destroyForcibly();

      for (long pid : pids(told)) {
        Until.gone(pid);
      }
    }
  }

  @Test
  void outlivesAKillOfTheDaemonsWholeProcessGroup() throws Exception {
    List<String> inItsOwn = List.of("setsid");
    try (Daemon daemon =
            Daemon.startWithin(
                inItsOwn, "--listen", "127.0.0.1:0", "--insecure", "--watchdog", "on");
        RawClient client = new RawClient(daemon.port())) {
      client.send("", "setsid sleep 1000 & echo $!; sleep 1001 & echo $!; echo $$; wait");
      String told = "";
      while (told.lines().count() < 3 || !told.endsWith("\n")) {
        told += client.output(1);
      }
      long watchdog = watchdogs(daemon).getFirst();

      long group = daemon.process().pid();
      var kill = new ProcessBuilder("kill", "-KILL", "--", "-" + group).inheritIO().start();
      assertEquals(0, kill.waitFor());

      for (long pid : pids(told)) {
        Until.gone(pid);
      }
      Until.gone(watchdog);
    }
  }

  @Test
  void endsWhoMakesChildrenWhileItIsEnded(@TempDir Path folder) throws Exception {
    // Each begins a session of its own and makes two more, 100 in all, and ignores TERM.
    Path program =
        Files.writeString(
            folder.resolve("bomb"),
            """
            trap '' TERM HUP
            echo >>"$1"
            for i in 1 2; do
              [ $(wc -l <"$1") -ge 100 ] || setsid sh "$0" "$1" &
              sleep 0.05
            done
            sleep 1000
            """);
    Path count = folder.resolve("count");
    try (Daemon daemon = start();
        RawClient client = new RawClient(daemon.port())) {
      client.send("", "sh " + program + " " + count);
      Until.holds("a crowd", () -> Files.exists(count) && Files.size(count) > 20);

      var _ = daemon.process().destroyForcibly();

      Until.holds("nobody", () -> !runs(program.toString()));
    }
  }

  @Test
  @Tag("root")
  void endsEveryTreeAlthoughOneProcessCannotBeLookedInto(@TempDir Path folder) throws Exception {
    String test = "WatchdogTest.endsEveryTreeAlthoughOneProcessCannotBeLookedInto";
    Tool.requireRoot(test);
    Tool.require("python3", test);
    Path odd = Oddities.write(folder);
    try (Daemon daemon = start();
        RawClient client = new RawClient(daemon.port());
        RawClient other = new RawClient(client.socket().getPort())) {
      client.send("", "echo $$; exec python3 " + odd + " hang 1000");
      long hanging = told(client, 1).getFirst();
      other.send("", "echo $$; setsid sleep 1000 & echo $!; wait");
      List<Long> others = told(other, 2);
      // One waits for a page that does not come, and one for the other's memory.
      Until.holds("one that hangs", () -> descendantsThatHang(hanging) > 0);

      var _ = daemon.process().destroyForcibly();

      for (long pid : others) {
        Until.gone(pid);
      }
      Until.gone(hanging);
    }
  }

  private static long descendantsThatHang(long pid) {
    return ProcessHandle.of(pid).stream()
        .flatMap(ProcessHandle::descendants)
        .filter(one -> text(one.pid(), "stat").contains(") D "))
        .count();
  }

  /** Whether anybody has that among its arguments. */
  private static boolean runs(String argument) throws IOException {
    try (Stream<ProcessHandle> all = ProcessHandle.allProcesses()) {
      return all.anyMatch(process -> text(process.pid(), "cmdline").contains(argument));
    }
  }

  @Test
  void isInASessionOfItsOwnAndHoldsNothingOfTheDaemons() throws Exception {
    try (Daemon daemon = start()) {
      daemon.port();
      long watchdog = watchdogs(daemon).getFirst();
      String stat = text(watchdog, "stat");
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
      assertEquals("" + watchdog, fields[3], "session");
      try (Stream<Path> all = Files.list(Path.of("/proc/" + watchdog + "/fd"))) {
        for (Path fd : all.toList()) {
          String target = Files.readSymbolicLink(fd).toString();
          int number = Integer.parseInt(fd.getFileName().toString());
          // Its arguments, which it is still reading, are open twice.
          boolean isOwn = target.equals("/dev/null") || number == 0 || number == 4;
          assertTrue(isOwn || target.startsWith("/memfd:runnel-leaders"), fd + " " + target);
        }
      }
      assertEquals("", text(watchdog, "environ"));
    }
  }

  @Test
  void goesWithADaemonThatEnds() throws Exception {
    try (Daemon daemon = start()) {
      daemon.port();
      List<Long> watchdogs = watchdogs(daemon);
      assertEquals(1, watchdogs.size());
      daemon.process().destroy();
      assertEquals(0, daemon.exitCode());
      assertTrue(!Until.isAlive(watchdogs.getFirst()));
    }
  }

  @Test
  void isMissedInTheLogWhenSomebodyElseEndsIt() throws Exception {
    try (Daemon daemon = start();
        RawClient client = new RawClient(daemon.port())) {
      ProcessHandle.of(watchdogs(daemon).getFirst()).ifPresent(ProcessHandle::destroyForcibly);
      Until.holds("a word", () -> daemon.log().contains("the watchdog has ended"));
      // Told to the system's logger, and in the log as all else.
      String line =
          daemon
              .log()
              .lines()
              .filter(one -> one.contains("watchdog has ended"))
              .findFirst()
              .orElse("");
      assertTrue(
          line.matches("[0-9-]+T[0-9:.]+\\S+ WARN process - the watchdog has ended.*"), line);
      Ran ran = run(client);
      assertEquals("exited", ran.outcome());
      assertEquals(List.of(), watchdogs(daemon));
    }
  }

  private static Ran run(RawClient client) throws IOException {
    client.send("", "true");
    return client.finish();
  }
}
