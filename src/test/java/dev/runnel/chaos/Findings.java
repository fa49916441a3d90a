package dev.runnel.chaos;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;

/** What a run saw: what must not be, and how often everything else happened. Any thread. */
final class Findings {
  private static final int MAX = 200;

  private final long begin = System.nanoTime();
  // Guarded by itself.
  private final List<String> wrong = new ArrayList<>();
  private final Map<String, LongAdder> counts = new ConcurrentHashMap<>();

  /** Something that must never be. */
  void wrong(String what) {
    synchronized (wrong) {
      if (wrong.size() < MAX) {
        String line = "%.1f s: %s".formatted((System.nanoTime() - begin) / 1e9, what);
        wrong.add(line);
        System.out.println("chaos: WRONG " + line);
      }
    }
  }

  void count(String what) {
    counts.computeIfAbsent(what, _ -> new LongAdder()).increment();
  }

  List<String> wrong() {
    synchronized (wrong) {
      return List.copyOf(wrong);
    }
  }

  /** How often what happened, in the order of the alphabet. */
  Map<String, Long> counts() {
    Map<String, Long> sorted = new TreeMap<>();
    counts.forEach((what, count) -> sorted.put(what, count.sum()));
    return sorted;
  }
}
