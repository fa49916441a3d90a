package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.runnel.Daemon;
import dev.runnel.server.RawClient.Answer;
import dev.runnel.server.RawClient.Ran;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Jobs on disk that end while the daemon does: another life tells all that they wrote. */
@Tag("also-root")
@Tag("slow")
class SpoolDrainTest {
  private static final int JOBS = 6;
  private static final long BYTES = 24_000_000;
  private static final String LAST = "last words\n";

  @TempDir
  @SuppressWarnings("NullAway.Init")
  private Path folder;

  private Daemon start() throws IOException {
    return Daemon.start(
        "--listen",
        "127.0.0.1:0",
        "--insecure",
        "--shutdown-grace",
        "1h",
        "--log-level",
        "info",
        "--state-dir",
        folder.resolve("state").toString());
  }

  @Test
  void haveTheirLastOutputAndTheirEndThere() throws Exception {
    Path go = folder.resolve("go");
    try (Daemon daemon = start();
        RawClient client = new RawClient(daemon.port())) {
      for (int i = 0; i < JOBS; i++) {
        begin(client, "j" + i, go);
      }
      daemon.process().destroy();
      Until.holds("the drain", () -> daemon.log().contains("draining"));
      Files.createFile(go);
      assertEquals(0, daemon.exitCode());
    }
    try (Daemon daemon = start();
        RawClient client = new RawClient(daemon.port())) {
      for (int i = 0; i < JOBS; i++) {
        check(client, "j" + i);
      }
    }
  }

  /** More at once than is written in the time that it takes to print it. */
  private static void begin(RawClient client, String job, Path go) throws IOException {
    client.send(
        "'id':'r','job':'"
            + job
            + "','on_full':'spool','retain':25000000,'linger_ms':'forever','keep_ms':86400000",
        "until [ -e '"
            + go
            + "' ]; do sleep 0.02; done;"
            + (" head -c " + BYTES + " /dev/zero; printf '" + LAST.strip() + "\\n'; exit 9"));
    client.nextOfType("started");
    client.ask("'type':'detach','follow':'r'");
  }

  private static void check(RawClient client, String job) throws IOException {
    Answer status = client.ask("'type':'status','job':'" + job + "'");
    assertEquals("exited", status.text("outcome"), status::toString);
    assertEquals(9, status.number("exit_code"), status::toString);
    client.send("'type':'attach','id':'a','job':'" + job + "','from':" + BYTES);
    Ran ran = client.finish("a");
    assertEquals(LAST, ran.out());
    assertEquals(BYTES + LAST.length(), ran.end().path("output_bytes").asLong());
    assertEquals(0, ran.end().path("gap_bytes").asLong(-1));
  }
}
