package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.Daemon;
import dev.runnel.server.RawClient.Answer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Starts that hang, as on a file system that does not answer: somebody else holds a write lease on
 * the program, fcntl(2), so that its exec waits.
 */
@Tag("slow")
class HungProgramsTest {
  private static final String HOLD =
      """
      import fcntl, signal, sys
      signal.signal(signal.SIGIO, signal.SIG_IGN)
      held = open(sys.argv[1])
      fcntl.fcntl(held, fcntl.F_SETLEASE, fcntl.F_WRLCK)
      print("held", flush=True)
      sys.stdin.read()
      """;

  @TempDir
  @SuppressWarnings("NullAway.Init")
  Path folder;

  @SuppressWarnings("NullAway.Init")
  private Process holder;

  private String slow = "";

  @BeforeEach
  void hold() throws IOException {
    Path program = folder.resolve("slow");
    Files.copy(Path.of("/bin/true"), program);
    assertTrue(program.toFile().setExecutable(true));
    slow = program.toString();
    holder = new ProcessBuilder("python3", "-c", HOLD, slow).start();
    assertEquals("held", holder.inputReader(StandardCharsets.UTF_8).readLine());
  }

  @AfterEach
  void release() {
    holder.destroyForcibly();
  }

  private static Daemon start() throws IOException {
    return Daemon.start("--listen", "127.0.0.1:0", "--insecure", "--shutdown-grace", "100ms");
  }

  private void sendMany(RawClient client, int count) throws IOException {
    for (int i = 0; i < count; i++) {
      client.send("'id':'h" + i + "','job':'h" + i + "','argv':['" + slow + "']");
    }
  }

  @Test
  void holdUpNoOtherStartAndEndWhenTheyAreCanceled() throws Exception {
    try (Daemon daemon = start();
        RawClient client = new RawClient(daemon.port());
        RawClient other = new RawClient(daemon.port())) {
      sendMany(client, 60);
      for (int i = 0; i < 20; i++) {
        other.send("'id':'o" + i + "'", "echo on");
        assertEquals("on\n", other.finish("o" + i).out());
      }
      for (int i = 0; i < 60; i++) {
        client.send("'type':'cancel','id':'c" + i + "','job':'h" + i + "'");
      }
      for (int i = 0; i < 60; i++) {
        Answer end = client.finalOf("h" + i);
        boolean over =
            end.text("outcome").equals("canceled")
                || end.text("outcome").equals("start_failed")
                || end.text("code").equals("unavailable");
        assertTrue(over, end::toString);
      }
    }
  }

  @Test
  void endWhenTheirClientGoesAndGiveTheirPlacesBack() throws Exception {
    try (Daemon daemon =
            Daemon.start("--listen", "127.0.0.1:0", "--insecure", "--limit", "max_jobs=4");
        RawClient other = new RawClient(daemon.port())) {
      try (RawClient client = new RawClient(daemon.port())) {
        sendMany(client, 4);
        String last = "'type':'status','job':'h3'";
        Until.holds("all places taken", () -> other.ask(last).text("state").equals("starting"));
        assertTrue(isBusy(other));
      }
      Until.holds("a place", () -> !isBusy(other));
    }
  }

  private static boolean isBusy(RawClient client) throws IOException {
    client.send("'id':'o'", "true");
    return client.finalOf("o").text("code").equals("busy");
  }

  @Test
  void doNotKeepTheDaemonFromEnding() throws Exception {
    try (Daemon daemon = start();
        RawClient client = new RawClient(daemon.port());
        RawClient other = new RawClient(daemon.port())) {
      sendMany(client, 4);
      other.send("'id':'o'", "echo ready; exec sleep 1000");
      other.output("ready\n".length());
      daemon.process().destroy();
      assertEquals("shutdown", other.finish("o").outcome());
      for (int i = 0; i < 4; i++) {
        assertEquals("shutdown", client.finalOf("h" + i).text("outcome"));
      }
      assertEquals(0, daemon.exitCode());
    }
  }
}
