package dev.runnel.cli;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a mistyped word may have meant. */
final class DidYouMean {
  private static final int MAX_DISTANCE = 2;

  private DidYouMean() {}

  /** The candidate nearest to the word, or null: none is near. */
  static @Nullable String nearest(String word, List<String> candidates) {
    String nearest = null;
    // Of a short word, another letter makes another word.
    int letters = word.replace("-", "").length();
    int least = Math.min(MAX_DISTANCE, Math.min(word.length() - 1, Math.max(1, letters / 3))) + 1;
    for (String candidate : candidates) {
      int distance = distance(word, candidate);
      if (distance < least) {
        least = distance;
        nearest = candidate;
      }
    }
    return nearest == null && letters >= 3 ? beginning(word, candidates) : nearest;
  }

  /** The only one that begins so; null: none does, or several do. */
  private static @Nullable String beginning(String word, List<String> candidates) {
    String found = null;
    for (String candidate : candidates) {
      if (candidate.startsWith(word)) {
        if (found != null) {
          return null;
        }
        found = candidate;
      }
    }
    return found;
  }

  /** How many letters to change, add, drop, or swap with their neighbour. */
  static int distance(String a, String b) {
    int[][] d = new int[a.length() + 1][b.length() + 1];
    for (int i = 0; i <= a.length(); i++) {
      for (int j = 0; j <= b.length(); j++) {
        d[i][j] = i == 0 || j == 0 ? i + j : step(d, i, j, a, b);
      }
    }
    return d[a.length()][b.length()];
  }

  private static int step(int[][] d, int i, int j, String a, String b) {
    int changed = a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1;
    int least = Math.min(d[i - 1][j - 1] + changed, Math.min(d[i - 1][j], d[i][j - 1]) + 1);
    boolean swapped =
        i > 1 && j > 1 && a.charAt(i - 1) == b.charAt(j - 2) && a.charAt(i - 2) == b.charAt(j - 1);
    return swapped ? Math.min(least, d[i - 2][j - 2] + 1) : least;
  }
}
