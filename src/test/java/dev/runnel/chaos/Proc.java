package dev.runnel.chaos;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** What /proc says. Any thread. */
final class Proc {
  private static final Path PROC = Path.of("/proc");

  // The JVM makes and drops these as it likes.
  private static final List<String> COMPILERS = List.of("C1 Compiler", "C2 Compiler");

  // One that hangs is left behind.
  private static final ExecutorService READERS =
      Executors.newCachedThreadPool(Thread.ofPlatform().daemon().name("proc-", 0).factory());

  private Proc() {}

  /** A process that bears a daemon's mark. */
  record Marked(long pid, String boot, String job, String command) {}

  /** What the kernel says of the connections that end at that port: their queues among others. */
  static List<String> ofPort(int port) throws IOException {
    String hex = ":%04X ".formatted(port);
    List<String> lines = new ArrayList<>();
    for (String table : List.of("net/tcp", "net/tcp6")) {
      Files.readAllLines(PROC.resolve(table)).stream()
          .filter(it -> it.contains(hex))
          .forEach(lines::add);
    }
    return lines;
  }

  /** What a process holds: its descriptors by kind, its threads by name, its children. */
  static Map<String, Integer> holdings(long pid) throws IOException {
    Map<String, Integer> holdings = new TreeMap<>();
    Path self = PROC.resolve("" + pid);
    try (DirectoryStream<Path> files = Files.newDirectoryStream(self.resolve("fd"))) {
      for (Path file : files) {
        holdings.merge("descriptor " + kind(file), 1, Integer::sum);
      }
    }
    try (DirectoryStream<Path> tasks = Files.newDirectoryStream(self.resolve("task"))) {
      for (Path task : tasks) {
        String name = text(task.resolve("comm")).strip();
        if (COMPILERS.stream().noneMatch(name::startsWith)) {
          holdings.merge("thread " + name, 1, Integer::sum);
        }
        for (String child : text(task.resolve("children")).split(" ", -1)) {
          if (!child.isBlank()) {
            holdings.merge("child " + state(Long.parseLong(child.strip())), 1, Integer::sum);
          }
        }
      }
    }
    return holdings;
  }

  /** The processes that it holds by a descriptor, what each runs, and its state. */
  static List<String> held(long pid) throws IOException {
    List<String> held = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(PROC.resolve(pid + "/fdinfo"))) {
      for (Path file : files) {
        text(file)
            .lines()
            .filter(line -> line.startsWith("Pid:"))
            .map(line -> Long.parseLong(line.substring("Pid:".length()).strip()))
            .map(one -> one + " " + (one < 1 ? "gone" : state(one) + " " + command(one)))
            .forEach(held::add);
      }
    }
    return held;
  }

  private static String kind(Path file) {
    try {
      String target = Files.readSymbolicLink(file).toString();
      if (target.endsWith("/children")) {
        return "children of a thread";
      }
      int colon = target.indexOf(':');
      return colon < 0
          ? target
          : target.substring(0, target.startsWith("anon") ? target.length() : colon);
    } catch (IOException _) {
      return "gone";
    }
  }

  /** The letter of its state, or {@code gone}. */
  static String state(long pid) {
    return stat(pid)[0];
  }

  /** Whose child it is; 0 if it is gone. */
  static long parent(long pid) {
    String[] stat = stat(pid);
    return stat.length > 1 ? Long.parseLong(stat[1]) : 0;
  }

  // What comes after its name.
  private static String[] stat(long pid) {
    String stat = text(PROC.resolve(pid + "/stat"));
    int name = stat.lastIndexOf(')');
    return name < 0 ? new String[] {"gone"} : stat.substring(name + 2).split(" ", -1);
  }

  /** Everything on this machine that has a mark of Runnel's in its environment and is no zombie. */
  static List<Marked> marked() throws IOException {
    List<Marked> marked = new ArrayList<>();
    for (long pid : pids()) {
      for (String entry : text(PROC.resolve(pid + "/environ")).split("\0", -1)) {
        if (entry.startsWith("RUNNEL_MARK=")) {
          String mark = entry.substring("RUNNEL_MARK=".length());
          String boot = mark.substring(0, Math.max(0, mark.indexOf('/')));
          String job = mark.substring(mark.lastIndexOf('/') + 1);
          marked.add(new Marked(pid, boot, job, command(pid)));
        }
      }
    }
    return marked;
  }

  /** The processes with that among their arguments. */
  static List<Long> withArgument(String argument) throws IOException {
    List<Long> found = new ArrayList<>();
    for (long pid : pids()) {
      if (List.of(text(PROC.resolve(pid + "/cmdline")).split("\0", -1)).contains(argument)) {
        found.add(pid);
      }
    }
    return found;
  }

  static String command(long pid) {
    return text(PROC.resolve(pid + "/cmdline")).replace('\0', ' ').strip();
  }

  private static List<Long> pids() throws IOException {
    List<Long> pids = new ArrayList<>();
    try (DirectoryStream<Path> all = Files.newDirectoryStream(PROC, "[0-9]*")) {
      all.forEach(path -> pids.add(Long.parseLong(path.getFileName().toString())));
    }
    return pids;
  }

  // Empty if it is gone or somebody else's, or can't be read for so long.
  private static String text(Path file) {
    FutureTask<byte[]> reading = new FutureTask<>(() -> Files.readAllBytes(file));
    READERS.execute(reading);
    try {
      return new String(reading.get(2, TimeUnit.SECONDS), StandardCharsets.ISO_8859_1);
    } catch (ExecutionException | TimeoutException _) {
      return "";
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
      return "";
    }
  }
}
