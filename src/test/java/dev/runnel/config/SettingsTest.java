package dev.runnel.config;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is worked out of what the JVM says. */
class SettingsTest {
  @ParameterizedTest
  @CsvSource({"256, 259522560", "48, 48693248", "512, 518979584", "64, 64880640", "256, 268435456"})
  void findsTheHeapsLimitThatWasSet(long megabytes, long usable) {
    assertEquals(megabytes << 20, Settings.heapLimit(usable));
  }
}
