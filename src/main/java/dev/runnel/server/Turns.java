package dev.runnel.server;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Whose turn it is on an event loop. What is asked is taken up at once, as long as who asks has
 * taken little of the loop's time lately; beyond that its connections wait for turns, of which each
 * principal has one after the other, and between two turns the loop sees what else has arrived. So
 * one that asks over a thousand connections is no more in the way of another than by one turn. On
 * the event loop.
 */
final class Turns {
  /** So much of each {@link #WINDOW_NANOS} a principal has at once. */
  private static final long AT_ONCE_NANOS = Duration.ofMillis(2).toNanos();

  private static final long WINDOW_NANOS = Duration.ofMillis(10).toNanos();

  /** In the order in which they are served next. */
  private final LinkedHashMap<String, ArrayDeque<Connection>> waiting = new LinkedHashMap<>();

  private final Map<String, Long> used = new HashMap<>();
  private long windowBegan = System.nanoTime();

  /** Whether what these ask may be taken up now. */
  boolean isNow(String whose) {
    roll();
    return !waiting.containsKey(whose) && used.getOrDefault(whose, 0L) < AT_ONCE_NANOS;
  }

  /** They have had so much of the loop's time. */
  void count(String whose, long nanos) {
    roll();
    used.merge(whose, nanos, Long::sum);
  }

  private void roll() {
    long now = System.nanoTime();
    if (now - windowBegan >= WINDOW_NANOS) {
      windowBegan = now;
      used.clear();
    }
  }

  /** Gives a connection a turn later. */
  void await(Connection connection) {
    boolean first = waiting.isEmpty();
    waiting.computeIfAbsent(connection.whose(), _ -> new ArrayDeque<>()).add(connection);
    if (first) {
      connection.socket().afterReading(this::next);
    }
  }

  private void next() {
    String whose = waiting.firstEntry().getKey();
    ArrayDeque<Connection> theirs = waiting.remove(whose);
    Connection connection = theirs.remove();
    if (!theirs.isEmpty()) {
      waiting.put(whose, theirs);
    }
    if (!waiting.isEmpty()) {
      connection.socket().afterReading(this::next);
    }
    connection.takeTurn();
  }
}
