package dev.runnel.settings;

import org.junit.jupiter.api.Test;

/** The short form of {@link FileParsersFuzzTest}: seeds, and what chance makes of them. */
class FileParsersTest {
  private static final int ROUNDS = 3_000;

  @Test
  void anyPolicyIsReadOrRefusedInWords() {
    FileSeeds.play(FileSeeds.POLICIES, ROUNDS, FileParsers::checkPolicy);
  }

  @Test
  void anySettingsAreReadOrRefusedInWords() {
    FileSeeds.play(FileSeeds.SETTINGS, ROUNDS, FileParsers::checkSettings);
  }

  @Test
  void anyTokensAreReadOrRefusedWithoutAWordOfThem() {
    FileSeeds.play(FileSeeds.TOKENS, ROUNDS, FileParsers::checkTokens);
  }
}
