package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.runnel.Daemon;
import dev.runnel.Tool;
import dev.runnel.server.RawClient.Ran;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Where proc(5) hides other users' processes (hidepid) a daemon still finds its own. */
@Tag("root")
class HiddenProcessesTest {
  private static final String NOBODY = "65534";

  /** Whoever may trace everybody, or is in the group, sees all. */
  private static final List<String> HIDING =
      List.of(
          "unshare",
          "--mount",
          "sh",
          "-c",
          "mount -t proc -o hidepid=1,gid=" + NOBODY + " proc /proc && exec \"$0\" \"$@\"",
          "setpriv",
          "--inh-caps=-sys_ptrace",
          "--bounding-set=-sys_ptrace");

  @Test
  void endWithTheirJobThoughOthersCantBeLookedAt() throws Exception {
    String test = "HiddenProcessesTest";
    Tool.require("unshare", test);
    Tool.require("setpriv", test);
    Tool.requireRoot(test);
    Process other =
        new ProcessBuilder(
                "setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "sleep", "1000")
            .start();
    try (Daemon daemon = Daemon.startWithin(HIDING, "--listen", "127.0.0.1:0", "--insecure");
        RawClient client = new RawClient(daemon.port())) {
      client.send(
          "", "cat /proc/" + other.pid() + "/stat; setsid sleep 1000 <&- >&- 2>&- & echo $!");
      Ran ran = client.finish();
      assertEquals("exited", ran.outcome());
      Until.gone(Long.parseLong(ran.out().strip()));
      assertFalse(daemon.log().contains("cannot look"), daemon.log());
    } finally {
      other.destroyForcibly().waitFor();
    }
  }
}
