package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.runnel.Daemon;
import dev.runnel.server.RawClient.Ran;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** A daemon in a control group that lets nobody make another process. */
class NoMoreProcessesTest {
  /** With limits, the child is made by another call than without. */
  private static final List<String> WAYS = List.of("", ",'limits':{'open_files':100}");

  private static Path group() throws IOException {
    Path first = Path.of("/sys/fs/cgroup/pids");
    Path parent = Files.isDirectory(first) ? first : Path.of("/sys/fs/cgroup");
    Assumptions.assumeTrue(Files.isWritable(parent), "no control group may be made");
    return Files.createDirectory(parent.resolve("runnel-pids-" + ProcessHandle.current().pid()));
  }

  @Test
  void aStartFailsWithItsErrorAndTheNextOneThatCanSucceeds() throws Exception {
    Path group = group();
    List<String> within =
        List.of("sh", "-c", "echo $$ >'" + group + "/cgroup.procs' && exec \"$0\" \"$@\"");
    try (Daemon daemon = Daemon.startWithin(within, "--listen", "127.0.0.1:0", "--insecure");
        RawClient client = new RawClient(daemon.port())) {
      Path max = group.resolve("pids.max");
      Assumptions.assumeTrue(Files.exists(max), "the control group does not count processes");
      for (String way : WAYS) {
        // Threads that are needed for it are there afterwards.
        assertEquals("exited", run(client, way).outcome());
        long descriptors = descriptors(daemon);
        Files.writeString(max, Files.readString(group.resolve("pids.current")).strip());
        for (int i = 0; i < 3; i++) {
          Ran failed = run(client, way);
          assertEquals("start_failed", failed.outcome(), failed.end()::toString);
          assertEquals("EAGAIN", failed.end().path("errno").asText(), failed.end()::toString);
          assertEquals("exec", failed.end().path("at").asText(), failed.end()::toString);
        }
        Files.writeString(max, "max");
        assertEquals("exited", run(client, way).outcome());
        Until.holds("descriptors to be closed", () -> descriptors(daemon) <= descriptors);
      }
    } finally {
      Until.holds(
          "nobody in the group", () -> Files.readString(group.resolve("cgroup.procs")).isEmpty());
      Files.delete(group);
    }
  }

  private static Ran run(RawClient client, String more) throws IOException {
    client.send("'id':'r'" + more, "exit 0");
    return client.finish("r");
  }

  private static long descriptors(Daemon daemon) throws IOException {
    try (Stream<Path> all = Files.list(Path.of("/proc/" + daemon.process().pid() + "/fd"))) {
      return all.count();
    }
  }
}
