package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.Daemon;
import dev.runnel.server.RawClient.Ran;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A real daemon's jobs end with their whole tree, however they end. */
@SuppressWarnings("NullAway.Init") // The daemon and the folder are there before any test.
@Tag("also-root")
@Tag("slow")
class WholeTreeTest {
  private static final String CLOSED = " <&- >&- 2>&-";
  private static Daemon daemon;
  private static int port;

  @TempDir private Path folder;

  /** How a job ends. */
  enum Cause {
    CANCEL("canceled"),
    TIMEOUT("timed_out"),
    DISCONNECT("abandoned"),
    END("exited");

    private final String outcome;

    Cause(String outcome) {
      this.outcome = outcome;
    }
  }

  @BeforeAll
  static void startDaemon() throws Exception {
    daemon = Daemon.start("--listen", "127.0.0.1:0", "--insecure");
    port = daemon.port();
  }

  @AfterAll
  static void endDaemon() throws Exception {
    daemon.process().destroy();
    assertEquals(0, daemon.exitCode());
    daemon.close();
  }

  /** Starts one who began a session, one who forked twice, and one who also closed everything. */
  private String escapes() {
    String twice = "setsid sh -c '(sleep 1001 & echo $! >twice)'" + CLOSED + "; ";
    String daemon = "setsid sh -c 'cd /; sleep 1002 & echo $! >" + folder + "/daemon'" + CLOSED;
    return "setsid sleep 1000 & echo $! >once; "
        + twice
        + daemon
        + " & "
        + "until [ -s once ] && [ -s twice ] && [ -s daemon ]; do sleep 0.01; done; ";
  }

  private List<Long> escaped() throws IOException {
    return Stream.of("once", "twice", "daemon").map(this::pid).toList();
  }

  private long pid(String file) {
    try {
      return Long.parseLong(Files.readString(folder.resolve(file)).strip());
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private String keys(String more) {
    return "'id':'r','cwd':'" + folder + "','drain_ms':50," + more;
  }

  @ParameterizedTest
  @EnumSource(Cause.class)
  void everybodyIsGoneWhenTheEndIsTold(Cause cause) throws Exception {
    String job = "tree-" + cause;
    String name = "'job':'" + job + "'" + (cause == Cause.TIMEOUT ? ",'timeout_ms':3000" : "");
    String line = escapes() + (cause == Cause.END ? "exit 0" : "echo ready; sleep 1000");
    try (RawClient client = new RawClient(port);
        RawClient other = new RawClient(port)) {
      client.send(keys(name), line);
      if (cause == Cause.END || cause == Cause.TIMEOUT) {
        Ran ran = client.finish("r");
        assertEquals(cause.outcome, ran.outcome(), ran.end()::toString);
        assertTrue(ran.end().path("leftovers_total").asInt() >= 3 || cause == Cause.TIMEOUT);
      } else {
        client.output("ready\n".length());
        for (long pid : escaped()) {
          assertTrue(Until.isAlive(pid));
        }
        if (cause == Cause.CANCEL) {
          assertEquals("ok", other.ask("'type':'cancel','job':'" + job + "'").type());
        } else {
          client.socket().close();
        }
        String status = "'type':'status','job':'" + job + "'";
        Until.holds("end", () -> other.ask(status).text("outcome").equals(cause.outcome));
      }
      for (long pid : escaped()) {
        assertTrue(!Until.isAlive(pid), cause + ": " + escaped() + " " + pid);
      }
    }
    Until.holds("no zombies", () -> zombies().isEmpty());
  }

  @Test
  void whoIsKeptIsListedAndLivesOnPastTheDaemon() throws Exception {
    try (Daemon brief = Daemon.start("--listen", "127.0.0.1:0", "--insecure");
        RawClient client = new RawClient(brief.port())) {
      client.send(keys("'leftovers':'keep'"), escapes());
      Ran ran = client.finish("r");
      assertEquals(3, ran.end().path("leftovers_total").asInt(), ran.end()::toString);
      brief.process().destroy();
      assertEquals(0, brief.exitCode());
      for (long pid : escaped()) {
        assertTrue(Until.isAlive(pid));
        ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
        Until.gone(pid);
      }
    }
  }

  /** Of the daemon's children. */
  private static List<Path> zombies() throws IOException {
    String parent = " Z " + daemon.process().pid() + " ";
    try (Stream<Path> all = Files.list(Path.of("/proc"))) {
      return all.filter(path -> stat(path).contains(parent)).toList();
    }
  }

  private static String stat(Path process) {
    try {
      return Files.readString(process.resolve("stat"));
    } catch (NoSuchFileException noProcess) {
      return "";
    } catch (IOException gone) {
      return "";
    }
  }
}
