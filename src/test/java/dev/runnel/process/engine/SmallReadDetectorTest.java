package dev.runnel.process.engine;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** Which output is left to gather for a moment, and which is told at once. */
class SmallReadDetectorTest {
  private static final long MICRO = 1_000;

  private final SmallReadDetector trickle = new SmallReadDetector();
  private long now = 1_000_000;

  @Test
  void manySmallPiecesInARowAreLeftToGather() {
    for (int i = 0; i < 16; i++) {
      assertFalse(reads(64, 5), "piece " + i);
    }
    assertTrue(reads(64, 5));
    assertTrue(reads(64, 5));
  }

  @Test
  void linesWithTimeBetweenThemAreToldAtOnce() {
    for (int i = 0; i < 1_000; i++) {
      assertFalse(reads(64, 100), "line " + i);
    }
  }

  @Test
  void whatHasGatheredIsNoEndOfIt() {
    for (int i = 0; i < 17; i++) {
      reads(64, 5);
    }
    assertFalse(reads(30_000, 250));
    assertTrue(reads(64, 5));
  }

  @Test
  void aMomentOfQuietIsAnEndOfIt() {
    for (int i = 0; i < 17; i++) {
      reads(64, 5);
    }
    assertFalse(reads(64, 300));
    assertFalse(reads(64, 5));
  }

  @Test
  void aStreamOfLargePiecesIsNeverLeft() {
    for (int i = 0; i < 1_000; i++) {
      assertFalse(reads(65_536, 20));
    }
  }

  private boolean reads(int bytes, long microsLater) {
    now += microsLater * MICRO;
    return trickle.isWearing(bytes, now);
  }
}
