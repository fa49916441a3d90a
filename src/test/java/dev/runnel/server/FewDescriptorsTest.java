package dev.runnel.server;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.Daemon;
import dev.runnel.server.RawClient.Ran;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A daemon that is allowed few open files. */
@Tag("slow")
class FewDescriptorsTest {
  private static final int CLIENTS = 12;
  private static final int EACH = 8;

  private static List<String> allowing(int files) {
    return List.of("prlimit", "--nofile=" + files + ":" + files, "--");
  }

  @Test
  void saysOfNoCommandThatRanThatItWasNotStarted(@TempDir Path folder) throws Exception {
    int failed = 0;
    int exited = 0;
    try (Daemon daemon =
        Daemon.startWithin(
            allowing(120), "--listen", "127.0.0.1:0", "--insecure", "--watchdog", "off")) {
      int port = daemon.port();
      List<RawClient> clients = new ArrayList<>();
      for (int i = 0; i < CLIENTS; i++) {
        clients.add(new RawClient(port));
      }
      for (int i = 0; i < CLIENTS; i++) {
        for (int j = 0; j < EACH; j++) {
          String name = i + "-" + j;
          clients
              .get(i)
              .send("'id':'" + name + "'", "echo ran > " + folder.resolve(name) + "; sleep 0.1");
        }
      }
      for (int i = 0; i < CLIENTS; i++) {
        for (int j = 0; j < EACH; j++) {
          String name = i + "-" + j;
          Ran ran = clients.get(i).finish(name);
          boolean didRun = Files.exists(folder.resolve(name));
          if (ran.outcome().equals("start_failed")) {
            failed++;
            assertTrue(!didRun, () -> name + " ran: " + ran.end());
          } else {
            exited++;
            assertEquals("exited", ran.outcome());
            assertTrue(didRun, name);
          }
        }
      }
      for (RawClient client : clients) {
        client.close();
      }
    }
    assertTrue(failed > 0, "there were enough descriptors for all");
    assertTrue(exited > 0, "there were none for any");
  }

  // Each leaves an orphan, whom the daemon has to look at when the command ends.
  @Test
  void tellsTheEndOfCommandsThatEndWhileThereIsNoDescriptor(@TempDir Path folder) throws Exception {
    int commands = 24;
    Path gate = folder.resolve("gate");
    assertEquals(0, new ProcessBuilder("mkfifo", gate.toString()).start().waitFor());
    // Opened for both, it waits for nobody, and whoever reads waits for a line, or for its end.
    try (SeekableByteChannel lines = Files.newByteChannel(gate, READ, WRITE);
        Daemon daemon = Daemon.start("--listen", "127.0.0.1:0", "--insecure");
        RawClient client = new RawClient(daemon.port())) {
      long pid = daemon.process().pid();
      String waits = "read x <" + gate;
      for (int i = 0; i < commands; i++) {
        String orphan = "setsid sh -c '" + waits + "; exec sleep 1000' <&- >&- 2>&- & ";
        client.send("'id':'r" + i + "','grace_ms':100", "(" + orphan + "); " + waits + "; exit 7");
      }
      for (int i = 0; i < commands; i++) {
        client.nextOfType("started");
      }
      prlimit(pid, "3:");
      lines.write(ByteBuffer.wrap("\n".repeat(2 * commands).getBytes(US_ASCII)));
      // So long that the looks for them fail, too.
      Until.holds("it knows", () -> daemon.log().contains("cannot look for processes"));
      prlimit(pid, "4096:");
      for (int i = 0; i < commands; i++) {
        Ran ran = client.finish("r" + i);
        assertEquals("exited", ran.outcome());
        assertEquals(7, ran.end().path("exit_code").asInt(), ran.end()::toString);
        assertEquals(1, ran.end().path("leftovers_total").asInt(), ran.end()::toString);
      }
      assertEquals(List.of(), daemon.log().lines().filter(line -> line.contains("ERROR")).toList());
    }
  }

  private static void prlimit(long pid, String files) throws Exception {
    var set = new ProcessBuilder("prlimit", "--pid=" + pid, "--nofile=" + files).inheritIO();
    assertEquals(0, set.start().waitFor());
  }

  @Test
  void saysInALineThatItCannotStart() throws Exception {
    try (Daemon daemon =
        Daemon.startWithin(allowing(40), "--listen", "127.0.0.1:0", "--insecure")) {
      assertTrue(daemon.process().waitFor(30, TimeUnit.SECONDS));
      assertTrue(daemon.process().exitValue() != 0);
      List<String> said = daemon.log().lines().filter(line -> !line.isBlank()).toList();
      assertEquals(1, said.size(), said::toString);
      assertTrue(said.getFirst().startsWith("runnel: "), said.getFirst());
      assertTrue(said.getFirst().contains("ulimit -n"), said.getFirst());
    }
  }
}
