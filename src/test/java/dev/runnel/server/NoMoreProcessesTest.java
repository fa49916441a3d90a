package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.runnel.ControlGroup;
import dev.runnel.Daemon;
import dev.runnel.server.RawClient.Ran;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A daemon in a control group that lets nobody make another process. */
@Tag("root")
class NoMoreProcessesTest {
  /** With limits, the child is made by another call than without. */
  private static final List<String> WAYS = List.of("", ",'limits':{'open_files':100}");

  @Test
  void aStartFailsWithItsErrorAndTheNextOneThatCanSucceeds() throws Exception {
    String test = "NoMoreProcessesTest.aStartFailsWithItsErrorAndTheNextOneThatCanSucceeds";
    try (ControlGroup group = ControlGroup.ofProcesses(test)) {
      failWithin(group);
    }
  }

  private static void failWithin(ControlGroup group) throws Exception {
    List<String> within = List.of("sh", "-c", group.enter() + " && exec \"$0\" \"$@\"");
    try (Daemon daemon = Daemon.startWithin(within, "--listen", "127.0.0.1:0", "--insecure");
        RawClient client = new RawClient(daemon.port())) {
      for (String way : WAYS) {
        // Threads that are needed for it are there afterwards.
        assertEquals("exited", run(client, way).outcome());
        long descriptors = descriptors(daemon);
        group.letNobodyIn();
        for (int i = 0; i < 3; i++) {
          Ran failed = run(client, way);
          assertEquals("start_failed", failed.outcome(), failed.end()::toString);
          assertEquals("EAGAIN", failed.end().path("errno").asText(), failed.end()::toString);
          assertEquals("exec", failed.end().path("at").asText(), failed.end()::toString);
        }
        group.letEverybodyIn();
        assertEquals("exited", run(client, way).outcome());
        Until.holds("descriptors to be closed", () -> descriptors(daemon) <= descriptors);
      }
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
