package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.runnel.Daemon;
import dev.runnel.server.RawClient.Ran;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Commands that wait for a disk that does not answer, whom no signal ends. */
@Tag("root")
@Timeout(300)
@Tag("slow")
class FrozenDiskTest {
  private final List<Long> stuck = new ArrayList<>();

  @Test
  void cancelTimeoutAndTheDaemonsEndEachBringAnEnd(@TempDir Path folder) throws Exception {
    SmallDisk disk = SmallDisk.onLoop(folder, "FrozenDiskTest");
    try (disk;
        Daemon daemon = Daemon.start("--listen", "127.0.0.1:0", "--insecure");
        RawClient client = new RawClient(daemon.port())) {
      disk.freeze();
      write(client, disk, "canceled", "'grace_ms':0");
      write(client, disk, "late", "'grace_ms':0,'timeout_ms':500");
      write(client, disk, "there", "'grace_ms':0");
      assertEquals("ok", client.ask("'type':'cancel','job':'canceled'").type());
      checkEnd(client, "canceled", "canceled", 0);
      checkEnd(client, "late", "timed_out", 1);

      // The others are not held up.
      assertEquals(0, client.ask("'argv':['true']").number("exit_code"));

      daemon.process().destroy();
      checkEnd(client, "there", "shutdown", 2);
      assertTrue(daemon.process().waitFor(60, TimeUnit.SECONDS), "the daemon does not end");
    } finally {
      disk.close();
      for (long pid : stuck) {
        Until.gone(pid);
      }
    }
  }

  private void write(RawClient client, SmallDisk disk, String job, String keys) throws Exception {
    client.send(
        "'id':'" + job + "','job':'" + job + "'," + keys,
        "exec dd if=/dev/zero of=" + disk.folder().resolve(job) + " bs=1 count=1");
    long pid = client.nextOf(job).number("pid");
    stuck.add(pid);
    Until.holds("it to be stuck", () -> state(pid) == 'D');
  }

  private static char state(long pid) throws IOException {
    String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
    return stat.charAt(stat.lastIndexOf(')') + 2);
  }

  private void checkEnd(RawClient client, String job, String outcome, int number)
      throws IOException {
    Ran ran = client.finish(job);
    JsonNode end = ran.end();
    assertEquals(outcome, ran.outcome(), end::toString);
    assertFalse(end.has("exit_code") || end.has("signal"), end::toString);
    JsonNode left = end.path("leftovers").path(0);
    assertEquals(stuck.get(number), left.path("pid").asLong(), end::toString);
    assertFalse(left.path("ended").asBoolean(true), end::toString);
  }
}
