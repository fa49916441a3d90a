package dev.runnel.process.loop;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Tasks that wait for their time: a binary heap in which each knows its place, so that a canceled
 * one goes at once instead of staying until it would have been due. The pump's own.
 */
final class Timers {
  private Entry[] heap = new Entry[64];
  private int size;
  private long sequence;

  /** A task in the heap. */
  static final class Entry {
    private static final int NOWHERE = -1;

    private final long due;
    private final Runnable task;
    private long sequence;
    private int place = NOWHERE;

    Entry(long due, Runnable task) {
      this.due = due;
      this.task = task;
    }

    private boolean isBefore(Entry other) {
      // By difference: nanoTime may overflow.
      long difference = due - other.due;
      return difference != 0 ? difference < 0 : sequence < other.sequence;
    }
  }

  void add(Entry entry) {
    if (size == heap.length) {
      heap = Arrays.copyOf(heap, 2 * size);
    }
    entry.sequence = sequence++;
    put(entry, size++);
    rise(entry);
  }

  void remove(Entry entry) {
    int place = entry.place;
    if (place == Entry.NOWHERE) {
      return;
    }
    entry.place = Entry.NOWHERE;
    Entry last = heap[--size];
    clear(size);
    if (last != entry) {
      put(last, place);
      rise(last);
      sink(last);
    }
  }

  boolean isEmpty() {
    return size == 0;
  }

  /** When the first is due; there must be one. */
  long nextDue() {
    return heap[0].due;
  }

  /** Takes the first task out if it is due by then. */
  @Nullable Runnable takeDue(long now) {
    if (size == 0 || heap[0].due - now > 0) {
      return null;
    }
    Entry first = heap[0];
    remove(first);
    return first.task;
  }

  private void rise(Entry entry) {
    while (entry.place > 0) {
      Entry parent = heap[(entry.place - 1) / 2];
      if (!entry.isBefore(parent)) {
        return;
      }
      swap(parent, entry);
    }
  }

  private void sink(Entry entry) {
    while (2 * entry.place + 1 < size) {
      int left = 2 * entry.place + 1;
      int right = left + 1;
      Entry child = right < size && heap[right].isBefore(heap[left]) ? heap[right] : heap[left];
      if (!child.isBefore(entry)) {
        return;
      }
      swap(entry, child);
    }
  }

  private void swap(Entry upper, Entry lower) {
    int place = upper.place;
    put(upper, lower.place);
    put(lower, place);
  }

  private void put(Entry entry, int place) {
    heap[place] = entry;
    entry.place = place;
  }

  // An empty place holds null, which no reader gets to see: all stay below size.
  @SuppressWarnings("NullAway")
  private void clear(int place) {
    heap[place] = null;
  }
}
