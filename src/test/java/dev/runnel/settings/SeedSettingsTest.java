package dev.runnel.settings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.server.ListenAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Who may have a seed listener, and where. */
class SeedSettingsTest {
  @Test
  void isOffUnlessAskedFor() throws Exception {
    assertNull(ServeWords.parse(List.of("--insecure"), Map.of()).find(Setting.SEED_LISTEN));
  }

  @ParameterizedTest
  @CsvSource({
    "127.0.0.1:0, 127.0.0.1, 0",
    "127.1.2.3:7867, 127.1.2.3, 7867",
    "localhost:1, 127.0.0.1, 1",
    "[::1]:65535, ::1, 65535",
    "[::ffff:127.0.0.1]:1, 127.0.0.1, 1"
  })
  void takesLoopbackAddresses(String text, String host, int port) throws Exception {
    assertEquals(new ListenAddress.Tcp(host, port), parse(text));
  }

  @ParameterizedTest
  @ValueSource(strings = {"0.0.0.0:1", "[::]:1", "192.0.2.1:1", "10.0.0.1:7867"})
  void refusesOtherAddressesAndNamesThem(String text) {
    refuses(text + ": not a loopback address", "--insecure", "--seed-listen", text);
  }

  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.1", ":1", "127.0.0.1:65536", "127.0.0.1:x", "unix:/tmp/s"})
  void refusesWhatIsNoAddress(String text) {
    refuses(text + " (expected: HOST:PORT", "--insecure", "--seed-listen", text);
  }

  @Test
  void needsInsecureEvenWhereThereAreTokens() {
    refuses("--insecure", "--seed-listen", "127.0.0.1:0");
    refuses("--insecure", "--seed-listen", "127.0.0.1:0", "--tokens", "tokens");
  }

  @Test
  void flagGoesBeforeEnvironmentBeforeFile(@TempDir Path folder) throws Exception {
    String file =
        Files.writeString(
                folder.resolve("r.yaml"), "insecure: true\nseed_listen: \"127.0.0.1:1\"\n")
            .toString();
    Map<String, String> environment = Map.of("RUNNEL_SEED_LISTEN", "127.0.0.1:2");
    assertEquals(1, port(Map.of(), "--config", file));
    assertEquals(2, port(environment, "--config", file));
    assertEquals(3, port(environment, "--config", file, "--seed-listen=127.0.0.1:3"));
  }

  private static int port(Map<String, String> environment, String... arguments) throws Exception {
    ListenAddress.Tcp listen =
        ServeWords.parse(List.of(arguments), environment).find(Setting.SEED_LISTEN);
    return listen == null ? -1 : listen.port();
  }

  private static ListenAddress.@Nullable Tcp parse(String text) throws Exception {
    return ServeWords.parse(List.of("--insecure", "--seed-listen", text), Map.of())
        .find(Setting.SEED_LISTEN);
  }

  private static void refuses(String words, String... arguments) {
    SettingsException refusal =
        assertThrows(SettingsException.class, () -> ServeWords.parse(List.of(arguments), Map.of()));
    assertEquals(2, refusal.exitCode());
    String message = String.valueOf(refusal.getMessage());
    assertTrue(message.contains(words), message);
  }
}
