package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.record.HeldDisk;
import dev.runnel.record.Recordings;
import dev.runnel.security.AccessControl;
import dev.runnel.security.audit.Audit;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What becomes of recordings that can't be finished when their node goes. */
class RecordingsEndTest {
  @TempDir
  @SuppressWarnings("NullAway.Init")
  private Path folder;

  private final HeldDisk disk = new HeldDisk();

  @Test
  void noOtherServerGetsTheFolderWhileItMayStillBeWrittenTo() throws Exception {
    Recordings recordings = disk.recordings(folder, Audit.NONE);
    disk.hang();
    try (TestNode node = new TestNode(AccessControl.open(), recordings);
        RawClient client = node.connect()) {
      assertEquals("end", client.ask("'job':'a','argv':['true']").type());
    }
    assertThrows(
        IOException.class, () -> HeldDisk.close(recordings, Duration.ofMillis(10)), "not said");
    IOException e =
        assertThrows(IOException.class, () -> disk.recordings(folder, Audit.NONE), "given back");
    assertEquals("another server uses it", e.getMessage());
    disk.goOn();
  }

  @Test
  void waitingForAJobThatDoesNotEndIsNoWork() throws Exception {
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    Recordings recordings = disk.recordings(folder, Audit.NONE);
    try (TestNode node = new TestNode(AccessControl.open(), recordings);
        RawClient client = node.connect()) {
      client.send("'id':'r','job':'a','argv':['sleep','100']");
      assertEquals("started", client.nextOf("r").type());
      long before = threads.getCurrentThreadCpuTime();
      HeldDisk.close(recordings, Duration.ofSeconds(1));
      long nanos = threads.getCurrentThreadCpuTime() - before;
      assertTrue(nanos < 100_000_000, () -> "nanoseconds of work: " + nanos);
    }
  }
}
