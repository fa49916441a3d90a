package dev.runnel.settings;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The same as {@link FileParsersTest}, with texts that Jazzer finds, one parser at a time:
 *
 * <pre>{@code mvn test -Pfuzz -Dtest='FileParsersFuzzTest#policy'}</pre>
 *
 * <p>{@code -Djazzer.max_duration=10m} bounds it; a text that fails is written to a file, whose
 * bytes belong into {@link FileSeeds}.
 */
@Tag("fuzz")
class FileParsersFuzzTest {
  static Stream<Arguments> policies() {
    return seeds(FileSeeds.POLICIES);
  }

  static Stream<Arguments> settingsFiles() {
    return seeds(FileSeeds.SETTINGS);
  }

  static Stream<Arguments> tokenFiles() {
    return seeds(FileSeeds.TOKENS);
  }

  private static Stream<Arguments> seeds(List<String> texts) {
    return texts.stream().map(text -> Arguments.of((Object) text.getBytes(StandardCharsets.UTF_8)));
  }

  @MethodSource("policies")
  @FuzzTest(maxDuration = "1h")
  void policy(byte[] bytes) {
    FileParsers.checkPolicy(text(bytes));
  }

  @MethodSource("settingsFiles")
  @FuzzTest(maxDuration = "1h")
  void settings(byte[] bytes) {
    FileParsers.checkSettings(text(bytes));
  }

  @MethodSource("tokenFiles")
  @FuzzTest(maxDuration = "1h")
  void tokens(byte[] bytes) {
    FileParsers.checkTokens(text(bytes));
  }

  private static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
