package dev.runnel.process.tree;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Trees are known whatever their processes do between two looks, on a model of the kernel. */
@Tag("either")
@Tag("slow")
class TreeModelTest {
  private static final int SEEDS = 500;
  private static final int MANY_SEEDS = 100_000;

  @Test
  void losesNobodyWhateverTheOrder() {
    runAll(0, SEEDS);
  }

  @Test
  @Tag("long")
  void losesNobodyWhateverTheOrderForLong() {
    runAll(SEEDS, MANY_SEEDS);
  }

  private static void runAll(int first, int end) {
    for (int seed = first; seed < end; seed++) {
      try {
        new TreeModel(new SplittableRandom(seed)).run();
      } catch (RuntimeException | AssertionError e) {
        throw new AssertionError("seed " + seed, e);
      }
    }
  }
}
