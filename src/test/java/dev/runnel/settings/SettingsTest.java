package dev.runnel.settings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is worked out of what the JVM says, and what no option says. */
class SettingsTest {
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
          assertThrows(SettingsException.class, () -> ServeArguments.parse(arguments, Map.of()));
      assertEquals(option + ": its value is empty", refusal.getMessage());
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
        "RUNNEL_DUMPABLE"
      })
  void aVariableIsOnOrOffAndNothingElse(String name) {
    SettingsException refusal =
        assertThrows(
            SettingsException.class, () -> ServeArguments.parse(List.of(), Map.of(name, "1")));
    assertEquals(name + ": 1 (expected: true or false)", refusal.getMessage());
    assertEquals(2, refusal.exitCode());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          max_jobs=0   | --limit max_jobs: 0 (expected: from 1 to 1000000)
          max_jobs=abc | --limit max_jobs=abc: (expected: NAME=NUMBER)
          max_cats=1   | --limit max_cats=1: unknown limit (see --help)
          """)
  void aLimitThatIsNoneIsWrongUsage(String limit, String message) {
    SettingsException refusal =
        assertThrows(
            SettingsException.class,
            () -> ServeArguments.parse(List.of("--limit", limit), Map.of()));
    assertEquals(message, refusal.getMessage());
    assertEquals(2, refusal.exitCode());
  }

  @Test
  void aFileIsToldWhatItSays(@TempDir Path folder) throws IOException {
    Path file = Files.writeString(folder.resolve("runnel.yaml"), "limits: {max_jobs: abc}\n");
    SettingsException refusal =
        assertThrows(
            SettingsException.class,
            () -> ServeArguments.parse(List.of("--config", file.toString()), Map.of()));
    assertEquals(file + ":1: max_jobs: abc (expected: a whole number)", refusal.getMessage());
  }

  @Test
  void aFileInTheFoldersPlaceIsSaid(@TempDir Path folder) throws IOException {
    Path file = Files.createFile(folder.resolve("tokens"));
    IOException refusal = assertThrows(IOException.class, () -> Files.createDirectories(file));
    assertEquals("there is a file in its place", ConfigFile.reason(refusal));
  }
}
