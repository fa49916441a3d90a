package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.ControlGroup;
import dev.runnel.Daemon;
import dev.runnel.server.RawClient.Ran;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A daemon and its jobs in a control group that is too small for what they want. */
@Tag("root")
class OutOfMemoryTest {
  private static final long GROUP_BYTES = 512L << 20;

  @Test
  void isToldOfWhomTheKernelKilledAndOfNobodyElse() throws Exception {
    String test = "OutOfMemoryTest.isToldOfWhomTheKernelKilledAndOfNobodyElse";
    try (ControlGroup group = ControlGroup.ofMemory(GROUP_BYTES, test)) {
      List<String> within = List.of("sh", "-c", group.enter() + " && exec \"$0\" \"$@\"");
      try (Daemon daemon = Daemon.startWithin(within, "--listen", "127.0.0.1:0", "--insecure");
          RawClient client = new RawClient(daemon.port())) {
        client.send("'id':'much'", "exec tail /dev/zero");
        Ran killed = client.finish("much");
        assertEquals("KILL", killed.end().path("signal").asText(), killed.end()::toString);
        assertTrue(killed.end().path("oom").asBoolean(), killed.end()::toString);

        client.send("'id':'ours'", "kill -KILL $$");
        Ran other = client.finish("ours");
        assertEquals("KILL", other.end().path("signal").asText(), other.end()::toString);
        assertFalse(other.end().path("oom").asBoolean(), other.end()::toString);
        daemon.process().destroy();
        assertEquals(0, daemon.exitCode());
      }
    }
  }
}
