package dev.runnel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;

/** ssh's -o and its destinations, as programs have been seen to write them. */
@NullMarked
class SshSettingsTest {
  private static SshSettings of(String... settings) throws Failure {
    SshSettings all = new SshSettings();
    for (String setting : settings) {
      all.take(setting);
    }
    return all;
  }

  @Test
  void keysAreOfAnyCaseAndTheFirstValueCounts() throws Failure {
    SshSettings settings =
        of("ForwardX11 no", "batchmode yes", "User = \"a b\"", "user=c", "ConnectTimeout=10");
    assertEquals("a b", settings.first("user"));
    assertEquals("10", settings.first("connecttimeout"));
    assertTrue(settings.is("forwardx11", "NO"));
    assertNull(settings.first("port"));
  }

  @Test
  void keysThatThereAreNotAndMissingValuesAreRefused() {
    for (String wrong : List.of("Nope=1", "User", "User=", "=x", " ")) {
      assertThrows(Failure.class, () -> of(wrong), wrong);
    }
  }

  @Test
  void forwardingIsRefusedUnlessItIsNone() throws Failure {
    of("ProxyCommand=none", "Tunnel no", "ClearAllForwardings=yes").refuseWhatThereIsNot();
    SshSettings asked = of("LocalForward 1 a:2");
    assertThrows(Failure.class, asked::refuseWhatThereIsNot);
  }

  @Test
  void variablesAreChosenByPatternsAndQuoted() throws Failure {
    SshSettings settings = of("SendEnv GIT_* L?NG", "SetEnv X=\"a b\" Y=it's");
    Map<String, String> ours =
        new TreeMap<>(Map.of("GIT_PROTOCOL", "version=2", "LANG", "C", "LONG", "l", "HOME", "/h"));
    ours.put("GIT_*.", "no name of a shell's");
    assertEquals(
        List.of(
            "export GIT_PROTOCOL='version=2'; ",
            "export LANG='C'; ",
            "export LONG='l'; ",
            "export X='a b'; ",
            "export Y='it'\\''s'; "),
        settings.exports(ours));
    byte[] quoted = SshSettings.quoted("a'b".getBytes(StandardCharsets.UTF_8));
    assertEquals("'a'\\''b'", new String(quoted, StandardCharsets.UTF_8));
  }

  @Test
  void destinationsHaveUsersPortsAndAddresses() throws Failure {
    assertEquals(new SshDestination(null, "h", null), SshDestination.parse("h"));
    assertEquals(new SshDestination("u@x", "h", null), SshDestination.parse("u@x@h"));
    assertEquals(new SshDestination("u", "h", "22"), SshDestination.parse("ssh://u@h:22/"));
    assertEquals(new SshDestination(null, "[::1]", "7"), SshDestination.parse("ssh://[::1]:7"));
    assertEquals(new SshDestination(null, "[::1]", null), SshDestination.parse("ssh://[::1]"));
    assertEquals("[::1]:7", SshDestination.hostAndPort("::1", "7"));
    assertEquals("[::1]:7", SshDestination.hostAndPort("[::1]", "7"));
    assertEquals("h:7", SshDestination.hostAndPort("h", "7"));
    assertEquals("h", SshDestination.hostAndPort("h", null));
    for (String wrong : List.of("", "@h", "u@", "ssh://")) {
      assertThrows(Failure.class, () -> SshDestination.parse(wrong), wrong);
    }
  }
}
