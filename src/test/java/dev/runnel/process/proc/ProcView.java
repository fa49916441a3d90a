package dev.runnel.process.proc;

import dev.runnel.process.engine.Runs;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Scanner;
import java.util.TreeMap;

/** What the kernel says, read without any of the code under test. */
public final class ProcView {
  private ProcView() {}

  /** The state's letter, such as S or Z; a space if there is no such process. */
  public static char state(int pid) {
    String stat = text(pid, "stat");
    return stat.isEmpty() ? ' ' : stat.charAt(stat.lastIndexOf(')') + 2);
  }

  /** One of its files in /proc; empty if there is no such process. */
  public static String text(int pid, String file) {
    try {
      return Files.readString(Path.of("/proc/" + pid + "/" + file));
    } catch (IOException gone) {
      return "";
    }
  }

  public static boolean isAlive(int pid) {
    return " ZX".indexOf(state(pid)) < 0;
  }

  /** Waits until this process has no children but those, which may be some other test's. */
  public static void awaitNoChildrenBut(List<Integer> before) {
    Runs.await("no more children than " + before, () -> before.containsAll(children()));
  }

  /** Children of this process, zombies included. */
  public static List<Integer> children() {
    List<Integer> children = new ArrayList<>();
    for (Path thread : list(Path.of("/proc/self/task"))) {
      try {
        Scanner pids = new Scanner(Files.readString(thread.resolve("children")));
        pids.forEachRemaining(pid -> children.add(Integer.valueOf(pid)));
      } catch (IOException threadEnded) {
        // Its children are in another thread's list now.
      }
    }
    return children;
  }

  public static List<Integer> zombies() {
    return children().stream().filter(pid -> state(pid) == 'Z').toList();
  }

  /** How many descriptors of each kind are open, but for files, which class loading opens. */
  public static Map<String, Integer> descriptors() {
    Map<String, Integer> kinds = new TreeMap<>();
    for (Path fd : list(Path.of("/proc/self/fd"))) {
      try {
        String target = Files.readSymbolicLink(fd).toString().replaceFirst(":\\[?[0-9]*\\]?$", "");
        if (!target.startsWith("/") || target.equals("/dev/null")) {
          kinds.merge(target, 1, Integer::sum);
        }
      } catch (IOException closed) {
        // Such as the one that listed the folder.
      }
    }
    return kinds;
  }

  public static long ownThreads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().startsWith("runnel-"))
        .count();
  }

  public static List<Path> list(Path folder) {
    List<Path> paths = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
      entries.forEach(paths::add);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return paths;
  }
}
