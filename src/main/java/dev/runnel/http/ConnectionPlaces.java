package dev.runnel.http;

import java.util.HashMap;
import java.util.Map;

/**
 * How many connections there are, together and of each source: few, as a probe and a scrape need no
 * more. On the listener's event loop.
 */
final class ConnectionPlaces {
  static final int MAX_CONNECTIONS = 128;
  static final int MAX_OF_SOURCE = 16;

  private final Map<String, Integer> bySource = new HashMap<>();
  private int count;

  /** Takes a place, to be given back by {@link #leave}; or takes none and says false. */
  boolean take(String source) {
    int ofSource = bySource.getOrDefault(source, 0);
    if (count >= MAX_CONNECTIONS || ofSource >= MAX_OF_SOURCE) {
      return false;
    }
    count++;
    bySource.put(source, ofSource + 1);
    return true;
  }

  void leave(String source) {
    count--;
    bySource.computeIfPresent(source, (_, of) -> of == 1 ? null : of - 1);
  }

  int count() {
    return count;
  }
}
