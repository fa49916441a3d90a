package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.runnel.Daemon;
import dev.runnel.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A daemon that is process 1 of its pid namespace: nobody else would reap for it. */
@Tag("root")
class InitTest {
  private static final List<String> NAMESPACE =
      List.of("unshare", "--pid", "--fork", "--kill-child", "--mount-proc");

  @Test
  void reapsEverybodyAndNeedsNoWatchdog() throws Exception {
    Tool.require("unshare", "InitTest.reapsEverybodyAndNeedsNoWatchdog");
    Tool.requireRoot("InitTest.reapsEverybodyAndNeedsNoWatchdog");
    try (Daemon daemon = Daemon.startWithin(NAMESPACE, "--listen", "127.0.0.1:0", "--insecure");
        RawClient client = new RawClient(daemon.port())) {
      long init = daemon.process().children().findFirst().orElseThrow().pid();
      client.send(
          "'id':'r'",
          "for i in 1 2 3 4 5; do setsid sh -c '(sleep 0.05 &)' & (true &) done; sleep 0.2; echo $PPID");
      assertEquals("1\n", client.finish("r").out());
      // Neither zombies, nor anybody who runs: no job is left, and there is no watchdog.
      Until.holds("no children", () -> childrenOf(init).isEmpty());
      assertEquals(List.of(), daemon.warnings());
    }
  }

  private static List<String> childrenOf(long parent) throws IOException {
    try (Stream<Path> all = Files.list(Path.of("/proc"))) {
      return all.map(InitTest::stat).filter(stat -> isChild(stat, parent)).toList();
    }
  }

  private static boolean isChild(String stat, long parent) {
    int end = stat.lastIndexOf(')');
    return end > 0 && stat.substring(end).split(" ", -1)[2].equals("" + parent);
  }

  private static String stat(Path process) {
    try {
      return Files.readString(process.resolve("stat"));
    } catch (IOException noProcess) {
      return "";
    }
  }
}
