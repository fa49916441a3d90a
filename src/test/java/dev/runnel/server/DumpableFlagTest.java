package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.runnel.Daemon;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Who may run a command may not read what the daemon knows: tokens, keys, its environment. */
@Tag("also-root")
@Tag("slow")
class DumpableFlagTest {
  private static final boolean IS_ROOT = "root".equals(System.getProperty("user.name"));

  @ParameterizedTest
  @ValueSource(
      strings = {
        "head -c 1 /proc/PID/environ",
        "ls /proc/PID/fd/",
        "readlink /proc/PID/exe",
        "python3 -c 'open(\"/proc/PID/mem\", \"rb\")'"
      })
  void isReadByNoCommandOfTheSameUser(String line) throws Exception {
    assertEquals(IS_ROOT, reads(line));
  }

  @Test
  void isReadByThoseThatDebugItIfItSaysSo() throws Exception {
    assertEquals(true, reads("head -c 1 /proc/PID/environ", "--dumpable"));
  }

  @Test
  void leavesCommandsAsTheyAre() throws Exception {
    try (Daemon daemon = Daemon.start("--listen", "127.0.0.1:0", "--insecure");
        RawClient client = new RawClient(daemon.port())) {
      client.send("'id':'r'", "head -c 1 /proc/self/environ >/dev/null && ls /proc/self/fd/ >&2");
      RawClient.Ran ran = client.finish("r");
      assertEquals(0, ran.end().path("exit_code").asInt(), ran.err());
    }
  }

  private static boolean reads(String line, String... more) throws Exception {
    String[] arguments = new String[3 + more.length];
    System.arraycopy(new String[] {"--listen", "127.0.0.1:0", "--insecure"}, 0, arguments, 0, 3);
    System.arraycopy(more, 0, arguments, 3, more.length);
    try (Daemon daemon = Daemon.start(arguments);
        RawClient client = new RawClient(daemon.port())) {
      long pid = daemon.process().pid();
      client.send("'id':'r'", line.replace("PID", "" + pid));
      return client.finish("r").end().path("exit_code").asInt() == 0;
    }
  }
}
