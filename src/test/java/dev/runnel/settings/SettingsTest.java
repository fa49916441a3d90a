package dev.runnel.settings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.cli.Reasons;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a daemon can be told, in each of the ways in which it is told. */
class SettingsTest {
  private static final String PAGE =
      """
      # Settings of the server

      Each option of `runnel serve` is also an environment variable, and a key of the YAML file that `--config` names.
      The command line wins, then the environment, then the file. An unknown key is an error. In the file, what stands
      before a dot is above the rest: `tls.cert` is `cert` below `tls`. What takes no value is `true` or `false` there
      and in the environment; what may be repeated is a list in the file and has commas in the environment.

      | option | variable | key | meaning |
      |---|---|---|---|
      """;
  private static final String LIMITS =
      """

      ## Limits

      Set by `--limit NAME=VALUE`, or below the key `limits` in the file. A name that ends in `_ms` is a time in
      milliseconds, or with a unit (`90s`, `1h30m`, `2d`); one that ends in `_bytes` or `_retain` is in bytes, or with a
      unit (`64K`, `2GiB`).

      | limit | default | from | to | meaning |
      |---|---|---|---|---|
      """;

  @ParameterizedTest
  @CsvSource({"256, 259522560", "48, 48693248", "512, 518979584", "64, 64880640", "256, 268435456"})
  void findsTheHeapsLimitThatWasSet(long megabytes, long usable) {
    assertEquals(megabytes << 20, Settings.heapLimit(usable));
  }

  // An unset variable of a script would make it the current folder.
  @ParameterizedTest
  @ValueSource(
      strings = {
        "--seed-listen",
        "--state-dir",
        "--record-dir",
        "--audit",
        "--policy",
        "--tls-client-ca",
        "--tls-client-crl"
      })
  void noOptionsValueIsEmpty(String option) {
    for (List<String> arguments : List.of(List.of(option, ""), List.of(option + "="))) {
      SettingsException refusal =
          assertThrows(SettingsException.class, () -> ServeWords.parse(arguments, Map.of()));
      String message = String.valueOf(refusal.getMessage());
      assertTrue(message.startsWith(option + ": its value is empty (expected: "), message);
      assertEquals(2, refusal.exitCode());
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "RUNNEL_INSECURE",
        "RUNNEL_AUDIT_ARGV",
        "RUNNEL_AUDIT_OPTIONAL",
        "RUNNEL_CLEAN_ENV",
        "RUNNEL_CONSOLE",
        "RUNNEL_DUMPABLE"
      })
  void aVariableIsOnOrOffAndNothingElse(String name) {
    SettingsException refusal =
        assertThrows(SettingsException.class, () -> ServeWords.parse(List.of(), Map.of(name, "1")));
    assertEquals(name + ": 1 (expected: true or false)", refusal.getMessage());
    assertEquals(2, refusal.exitCode());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          max_jobs=0   | --limit max_jobs: 0 (expected: from 1 to 1000000)
          max_jobs=abc | --limit max_jobs: abc (expected: a whole number)
          max_jobs     | --limit max_jobs: (expected: NAME=VALUE)
          keep_ms=2w   | --limit keep_ms: 2w (expected: a duration with its unit: 500ms, 30s, 5m, 1h30m or 2d)
          keep_ms=0s   | --limit keep_ms: 0s (expected: from 1ms to 8760h)
          max_cats=1   | --limit max_cats=1: unknown limit (see --help)
          """)
  void aLimitThatIsNoneIsWrongUsage(String limit, String message) {
    SettingsException refusal =
        assertThrows(
            SettingsException.class, () -> ServeWords.parse(List.of("--limit", limit), Map.of()));
    assertEquals(message, refusal.getMessage());
    assertEquals(2, refusal.exitCode());
  }

  @ParameterizedTest
  @CsvSource({
    "keep_ms=1h30m, 5400000",
    "keep_ms=250, 250",
    "max_spool_bytes=2GiB, 2147483648",
    "max_retain=64K, 65536",
    "max_jobs=7, 7"
  })
  void aLimitMayHaveAUnit(String text, long value) throws Exception {
    String[] parts = text.split("=", 2);
    Limit limit = Objects.requireNonNull(Limit.ofKey(parts[0]));
    assertEquals(value, ServeWords.parse(List.of("--limit", text), Map.of()).limit(limit));
    String file = "limits: {" + parts[0] + ": " + parts[1] + "}";
    assertEquals(value, ConfigFile.parse(Path.of("file"), file).limits().get(limit));
  }

  /** A text that a setting takes, whatever it is about. */
  private static String good(Setting<?> setting) {
    return switch (setting.key()) {
      case "listen" -> "127.0.0.1:1";
      case "seed_listen" -> "127.0.0.1:2";
      case "http" -> "127.0.0.1:3";
      case "http_origin" -> "https://ops.example:8443";
      case "metrics" -> "off";
      case "penalty_exempt" -> "10.0.0.0/8";
      case "log_level" -> "warn";
      case "log_format" -> "json";
      case "shutdown_grace" -> "1m30s";
      case "watchdog" -> "off";
      case "record" -> "all";
      case "label" -> "zone=a";
      case "cluster.listen" -> "127.0.0.1:3";
      case "cluster.join" -> "127.0.0.1:3";
      case "cluster.silence" -> "20s";
      default -> setting.isFlag() ? "true" : "value";
    };
  }

  @Test
  void everySettingIsReadFromEachOfItsThreePlaces(@TempDir Path folder) throws Exception {
    for (Setting<?> setting : Setting.table()) {
      if (setting.isOfFile()) {
        String flag = setting.option().name();
        String[] key = setting.key().split("[.]", 2);
        String value = setting.takesMany() ? "[" + good(setting) + "]" : good(setting);
        String yaml =
            key.length == 1 ? key[0] + ": " + value : key[0] + ": {" + key[1] + ": " + value + "}";
        Path file = Files.writeString(folder.resolve("r.yaml"), yaml);
        String expected = shown(setting.parse(List.of(good(setting))));
        List<String> words = setting.isFlag() ? List.of(flag) : List.of(flag, good(setting));
        assertEquals(expected, found(setting, words, Map.of()), flag);
        assertEquals(
            expected,
            found(setting, List.of(), Map.of(setting.variable(), good(setting))),
            setting.variable());
        assertEquals(expected, found(setting, List.of("--config", "" + file), Map.of()), yaml);
      }
    }
  }

  // What it needs besides is given in a way that it does not notice itself.
  private static String found(Setting<?> setting, List<String> words, Map<String, String> variables)
      throws SettingsException {
    List<String> all = new ArrayList<>(words);
    Map<String, String> environment = new HashMap<>(variables);
    for (Setting<?> other :
        List.of(
            Setting.TLS_CERT,
            Setting.TLS_KEY,
            Setting.TLS_CLIENT_CA,
            Setting.HTTP,
            Setting.INSECURE,
            Setting.CLUSTER_LISTEN,
            Setting.CLUSTER_CERT,
            Setting.CLUSTER_KEY,
            Setting.CLUSTER_CA)) {
      if (other != setting) {
        environment.put(other.variable(), good(other));
      }
    }
    return shown(ServeWords.parse(all, environment).find(setting));
  }

  // Without what tells two alike apart.
  private static String shown(@Nullable Object value) {
    return String.valueOf(value).replaceAll("@[0-9a-f]+$", "");
  }

  @Test
  void whatIsWrongIsToldWhereItStands() {
    Map<String, String> environment = Map.of("RUNNEL_LOG_LEVEL", "loud");
    SettingsException refusal =
        assertThrows(SettingsException.class, () -> ServeWords.parse(List.of(), environment));
    assertEquals(
        "RUNNEL_LOG_LEVEL: loud (expected: error, warn, info or debug)", refusal.getMessage());
    SettingsException empty =
        assertThrows(
            SettingsException.class,
            () -> ServeWords.parse(List.of(), Map.of("RUNNEL_POLICY", "")));
    assertEquals("RUNNEL_POLICY: its value is empty (expected: FILE)", empty.getMessage());
    SettingsException inFile =
        assertThrows(
            SettingsException.class,
            () -> ConfigFile.parse(Path.of("file"), "insecure: true\ntls:\n  cret: x\n"));
    assertEquals(
        "file:3: tls.cret: unknown key (known: cert, client_ca, client_crl, key)",
        inFile.getMessage());
  }

  @Test
  void thePageOfTheGuideIsTheTable() throws IOException {
    StringBuilder page = new StringBuilder(PAGE);
    for (Setting<?> setting : Setting.table()) {
      String value =
          setting.isFlag() ? "" : " " + inACell(String.valueOf(setting.option().value()));
      String key = setting.isOfFile() ? "`" + setting.key() + "`" : "";
      page.append(
          "| `%s%s` | `%s` | %s | %s |\n"
              .formatted(
                  setting.option().name(),
                  value,
                  setting.variable(),
                  key,
                  inACell(setting.option().help())));
    }
    page.append(LIMITS);
    for (Limit limit : Limit.values()) {
      page.append(
          "| `%s` | %s | %s | %s | %s |\n"
              .formatted(
                  limit.key(),
                  limit.show(limit.fallback()),
                  limit.show(limit.min()),
                  limit.show(limit.max()),
                  inACell(limit.meaning())));
    }
    Path made = Files.writeString(Path.of("target", "settings.md"), page);
    assertEquals(
        page.toString(), Files.readString(Path.of("docs", "guide", "settings.md")), "copy " + made);
  }

  private static String inACell(String text) {
    return text.replace('\n', ' ').replace("|", "\\|");
  }

  @Test
  void aFileIsToldWhatItSays(@TempDir Path folder) throws IOException {
    Path file = Files.writeString(folder.resolve("runnel.yaml"), "limits: {max_jobs: abc}\n");
    SettingsException refusal =
        assertThrows(
            SettingsException.class,
            () -> ServeWords.parse(List.of("--config", file.toString()), Map.of()));
    assertEquals(
        file + ":1: limits.max_jobs: abc (expected: a whole number)", refusal.getMessage());
  }

  @Test
  void aFileInTheFoldersPlaceIsSaid(@TempDir Path folder) throws IOException {
    Path file = Files.createFile(folder.resolve("tokens"));
    IOException refusal = assertThrows(IOException.class, () -> Files.createDirectories(file));
    assertEquals("there is a file in its place", Reasons.of(refusal));
  }
}
