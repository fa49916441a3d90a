package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.Daemon;
import dev.runnel.job.Retained;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** After whatever use, nothing is left of it. */
@Tag("also-root")
@Tag("slow")
class LeakTest {
  private static final int WARM_UP_ROUNDS = 20;
  private static final int ROUNDS = 60;
  private static final int ROUNDS_OF_NODE = 15;

  /** What a connection and a job take. */
  private static final Set<String> PASSING = Set.of("socket:", "pipe:", "anon_inode:[pidfd]");

  /** Made one by one as they are needed first, up to so many; names as the kernel cuts them. */
  private static final Map<String, Integer> POOLS =
      Map.of("runnel-spawner-", 16, "vert.x-worker-t", 4, "vert.x-internal", 20);

  @Test
  void ourOwnAccountsAreEvenAgain() throws Exception {
    try (TestNode node = new TestNode()) {
      MixedUse use = new MixedUse(node.port());
      for (int i = 0; i < ROUNDS_OF_NODE; i++) {
        use.round();
      }
      Until.holds("no connection", () -> node.room().connections().get() == 0);
      Until.holds("no place taken", () -> node.registry().places() == 0);
      Until.holds("no memory of logs", () -> Retained.without(node.memory()) == 0);
      Until.holds("no output unsent", () -> node.room().unsent().outputBytes() == 0);
      Until.holds("no answer unread", () -> node.room().unsent().answerBytes() == 0);
    }
  }

  @Test
  void daemonHasTheSameDescriptorsChildrenAndThreadsAsBefore() throws Exception {
    try (Daemon daemon =
        Daemon.start(
            "--listen",
            "127.0.0.1:0",
            "--insecure",
            "--dumpable",
            "--log-level",
            "error",
            // One that is not given back is missed soon.
            "--limit",
            "max_queued_starts=64",
            "--limit",
            "max_jobs=64")) {
      MixedUse use = new MixedUse(daemon.port());
      Path process = Path.of("/proc/" + daemon.process().pid());
      Map<String, Integer> unused = passing(process);
      for (int i = 0; i < WARM_UP_ROUNDS; i++) {
        use.round();
      }
      Until.holds("no children", () -> children(process).isEmpty());
      // Of the last round, the daemon may not have noticed yet that its clients are gone.
      awaitSame(unused, () -> passing(process));
      Map<String, Integer> descriptors = descriptors(process);
      Map<String, Integer> threads = threads(process);
      for (int i = 0; i < ROUNDS; i++) {
        use.round();
      }
      Until.holds("no children", () -> children(process).isEmpty());
      awaitSame(descriptors, () -> descriptors(process));
      awaitSame(threads, () -> threads(process));
    }
  }

  private interface Count {
    Map<String, Integer> now() throws IOException;
  }

  private static void awaitSame(Map<String, Integer> before, Count count) throws Exception {
    Map<String, Integer> last = new TreeMap<>();
    try {
      Until.holds(
          "the same as before",
          () -> {
            last.clear();
            last.putAll(count.now());
            return last.equals(before);
          });
    } catch (AssertionError e) {
      throw new AssertionError(last + " (expected: " + before + ")", e);
    }
  }

  /** How many of each kind. */
  private static Map<String, Integer> descriptors(Path process) throws IOException {
    Map<String, Integer> kinds = new TreeMap<>();
    for (Path fd : list(process.resolve("fd"))) {
      try {
        String target = Files.readSymbolicLink(fd).toString();
        // Of a thread that makes processes: one for each thread of the pools.
        if (!target.matches("/proc/[0-9]+/task/[0-9]+/children")) {
          kinds.merge(target.replaceFirst(":\\[[0-9]+\\]$", ""), 1, Integer::sum);
        }
      } catch (IOException closed) {
        // Since it was listed.
      }
    }
    return kinds;
  }

  private static Map<String, Integer> passing(Path process) throws IOException {
    Map<String, Integer> kinds = descriptors(process);
    kinds.keySet().retainAll(PASSING);
    return kinds;
  }

  private static Map<String, Integer> threads(Path process) throws IOException {
    Map<String, Integer> names = new TreeMap<>();
    for (Path thread : list(process.resolve("task"))) {
      String name = read(thread.resolve("comm")).strip();
      if (name.startsWith("runnel-") || name.startsWith("vert.x-")) {
        names.merge(name, 1, Integer::sum);
      }
    }
    POOLS.forEach(
        (name, max) -> assertTrue(names.getOrDefault(name, 0) <= max, () -> name + ": " + names));
    names.keySet().removeAll(POOLS.keySet());
    return names;
  }

  private static Set<String> children(Path process) throws IOException {
    StringBuilder children = new StringBuilder();
    for (Path thread : list(process.resolve("task"))) {
      children.append(read(thread.resolve("children")));
    }
    String all = children.toString().strip();
    return all.isEmpty() ? Set.of() : Set.of(all.split(" +"));
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException gone) {
      return "";
    }
  }

  private static List<Path> list(Path folder) throws IOException {
    List<Path> paths = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
      entries.forEach(paths::add);
    }
    return paths;
  }
}
