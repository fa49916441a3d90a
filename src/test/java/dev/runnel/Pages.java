package dev.runnel;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;

/** Blocks of code in pages of the documentation, for tests that run what is shown. */
public final class Pages {
  private Pages() {}

  /** What follows the opening in that page, up to the end of the block. */
  public static String block(Path page, String opening) throws Exception {
    String text = Files.readString(page);
    int at = text.indexOf(opening);
    assertTrue(at >= 0, page + ": " + opening);
    int start = at + opening.length();
    return text.substring(start, text.indexOf("```", start));
  }
}
