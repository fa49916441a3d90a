package dev.runnel.server;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Whose turn it is on an event loop. What is asked is taken up at once, as long as who asks has
 * taken little of the loop's time lately; beyond that its connections wait for turns, of which each
 * principal has one after the other, and between two turns the loop sees what else has arrived. So
 * one that asks over a thousand connections is no more in the way of another than by one turn. On
 * the event loop.
 */
final class FairTurns {
  /** So much of each {@link #WINDOW_NANOS} a principal has at once. */
  private static final long AT_ONCE_NANOS = Duration.ofMillis(2).toNanos();

  private static final long WINDOW_NANOS = Duration.ofMillis(10).toNanos();

  /** One that waits for its turn: a connection. */
  interface Taker {
    /** By whom turns are shared out. */
    String whose();

    /** Must not throw. */
    void takeTurn();

    /** Runs a task on the event loop once that has seen what has arrived meanwhile. */
    void afterReading(Runnable task);

    /** There will be no turn; may be told twice. Must not throw. */
    void broken(Throwable why);
  }

  /** In the order in which they are served next. */
  private final LinkedHashMap<String, ArrayDeque<Taker>> waiting = new LinkedHashMap<>();

  private final Map<String, Long> used = new HashMap<>();
  private long windowBegan = System.nanoTime();
  private boolean goingOn;

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

  /** Gives it a turn later. */
  void await(Taker taker) {
    try {
      waiting.computeIfAbsent(taker.whose(), _ -> new ArrayDeque<>()).add(taker);
      goOn(taker);
    } catch (RuntimeException | Error e) {
      breakOff(e);
      taker.broken(e);
    }
  }

  private void goOn(Taker by) {
    if (!goingOn) {
      by.afterReading(this::next);
      goingOn = true;
    }
  }

  // Nobody would give them their turns any more.
  private void breakOff(Throwable why) {
    List<Taker> all = new ArrayList<>();
    waiting.values().forEach(all::addAll);
    waiting.clear();
    all.forEach(taker -> taker.broken(why));
  }

  private void next() {
    goingOn = false;
    Map.Entry<String, ArrayDeque<Taker>> first = waiting.pollFirstEntry();
    if (first == null) {
      return;
    }
    Taker taker = first.getValue().remove();
    try {
      if (!first.getValue().isEmpty()) {
        waiting.put(first.getKey(), first.getValue());
      }
      if (!waiting.isEmpty()) {
        goOn(taker);
      }
    } catch (RuntimeException | Error e) {
      breakOff(e);
    }
    taker.takeTurn();
  }
}
