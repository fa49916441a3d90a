package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.Daemon;
import dev.runnel.server.RawClient.Answer;
import dev.runnel.server.RawClient.Ran;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A spool on a disk that is full when a job starts, or when it ends, and what is known of it. */
@Tag("root")
@Timeout(300)
@SuppressWarnings("NullAway.Init") // Set before each test.
@Tag("slow")
class SpoolOnFullDiskTest {
  private static final int PAGE_BYTES = 4_096;
  private static final int RECORD_HEAD_BYTES = 24;

  /** Less than an end takes. */
  private static final int LEFT_IN_PAGE = 30;

  private final Path folder;
  private SmallDisk disk;
  private Daemon daemon;

  SpoolOnFullDiskTest(@TempDir Path folder) {
    this.folder = folder;
  }

  @BeforeEach
  void mount() throws Exception {
    disk = SmallDisk.inMemory(folder.resolve("disk"), 256, "SpoolOnFullDiskTest");
  }

  @AfterEach
  void end() throws Exception {
    if (daemon != null) {
      daemon.close();
    }
    if (disk != null) {
      disk.close();
    }
  }

  private RawClient start() throws IOException {
    daemon =
        Daemon.start(
            "--listen",
            "127.0.0.1:0",
            "--insecure",
            "--state-dir",
            disk.folder().resolve("state").toString());
    return new RawClient(daemon.port());
  }

  private RawClient killAndStart() throws IOException {
    daemon.close();
    return start();
  }

  private RawClient endAndStart() throws Exception {
    daemon.process().destroy();
    assertEquals(0, daemon.exitCode(), daemon.log());
    return killAndStart();
  }

  private long spooled(String job) throws IOException {
    Path file = disk.folder().resolve("state/jobs").resolve(job).resolve("spool");
    return Files.exists(file) ? Files.size(file) : 0;
  }

  @Test
  void runThatIsToHappenOnceDoesSoThoughTheDiskWasFullAtFirst() throws Exception {
    Path ran = folder.resolve("ran");
    String keys = "'job':'night','once':'o','on_full':'spool','linger_ms':'forever'";
    String line = "echo ran >>" + ran + "; exit 3";
    try (RawClient client = start()) {
      disk.fill();
      client.send("'id':'full'," + keys, line);
      assertEquals("unavailable", client.finalOf("full").text("code"));
      assertFalse(Files.exists(ran));
      disk.free();
      client.send("'id':'free'," + keys, line);
      assertEquals(3, client.finalOf("free").number("exit_code"));
      Until.holds("the end to be written", () -> isWritten("night"));
    }
    for (int life = 0; life < 2; life++) {
      try (RawClient client = killAndStart()) {
        client.send("'id':'again'," + keys, line);
        Answer started = client.nextOfType("started");
        assertTrue(started.header().path("existing").asBoolean(), started::toString);
        assertEquals(3, client.finalOf("again").number("exit_code"));
      }
    }
    assertEquals("ran\n", Files.readString(ran));
  }

  // Nothing comes after an end.
  private boolean isWritten(String job) throws IOException {
    Path file = disk.folder().resolve("state/jobs").resolve(job).resolve("spool");
    return Files.exists(file)
        && new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1)
            .contains("\"outcome\"");
  }

  @Test
  void runThatMayHappenAgainIsWrittenDownWhenThereIsRoom() throws Exception {
    try (RawClient client = start()) {
      disk.fill();
      client.send("'id':'r','job':'day','stdin':true,'on_full':'spool'", "echo on; read x; exit 4");
      assertEquals("on\n", client.output(3));
      disk.free();
      Until.holds("it to be written down", () -> spooled("day") > 0);
      client.send("'type':'stdin','job':'day','offset':0", "go\n");
      assertEquals(4, client.finalOf("r").number("exit_code"));
      Until.holds("the end to be written", () -> isWritten("day"));
    }
    try (RawClient client = killAndStart()) {
      assertEquals(4, client.ask("'type':'status','job':'day'").number("exit_code"));
    }
  }

  @Test
  void trueEndIsKeptOnceThereIsRoomAndALaterKillChangesNothing() throws Exception {
    try (RawClient client = start()) {
      endOnFullDisk(client, "late");
      assertFalse(isWritten("late"));
      disk.free();
      Until.holds("the end to be written", () -> isWritten("late"));
    }
    try (RawClient client = killAndStart()) {
      check(client, "late");
    }
  }

  @Test
  void trueEndIsKeptIfThereIsRoomWhenTheDaemonEnds() throws Exception {
    try (RawClient client = start()) {
      endOnFullDisk(client, "last");
      disk.free();
    }
    try (RawClient client = endAndStart()) {
      check(client, "last");
    }
  }

  /** Has a job end with 3 that was written down but for its end, which finds no room. */
  private void endOnFullDisk(RawClient client, String job) throws Exception {
    Path more = folder.resolve("more");
    Path go = folder.resolve("go");
    client.send(
        "'id':'r','job':'" + job + "','once':'o','on_full':'spool','linger_ms':'forever'",
        "printf x; until [ -s '%1$s' ]; do sleep 0.02; done; head -c $(cat '%1$s') /dev/zero;"
                .formatted(more)
            + " until [ -e '%s' ]; do sleep 0.02; done; exit 3".formatted(go));
    assertEquals("x", client.output(1));
    Until.holds("it to be written down", () -> spooled(job) > 0);
    long before = spooled(job);
    int output = PAGE_BYTES - LEFT_IN_PAGE - RECORD_HEAD_BYTES - (int) (before % PAGE_BYTES);
    // In one step.
    Path written = Files.writeString(folder.resolve("more.new"), output + "\n");
    Files.move(written, more);
    client.output(output);
    assertEquals(PAGE_BYTES - LEFT_IN_PAGE, spooled(job) % PAGE_BYTES);
    disk.fill();
    Files.createFile(go);
    assertEquals(3, client.finalOf("r").number("exit_code"));
  }

  private static void check(RawClient client, String job) throws IOException {
    assertEquals(3, client.ask("'type':'status','job':'" + job + "'").number("exit_code"));
    client.send("'type':'attach','id':'a','job':'" + job + "'");
    Ran ran = client.finish("a");
    assertEquals("exited", ran.outcome());
    assertEquals(0, ran.end().path("gap_bytes").asInt(-1));
    assertEquals(ran.end().path("output_bytes").asLong(), ran.stdout().length);
  }
}
