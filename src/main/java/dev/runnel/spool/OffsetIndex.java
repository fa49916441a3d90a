package dev.runnel.spool;

import java.util.Map;
import java.util.TreeMap;

/**
 * Which of a log's bytes stand in its file, and about where. For every so many bytes of the file
 * one place is remembered, and one after every hole. Any thread; guarded by itself.
 */
final class OffsetIndex {
  private static final int PLACE_EVERY_BYTES = 65_536;

  /** More are not worth their memory: a file with so many has failed so many times. */
  private static final int MAX_HOLES = 1_024;

  // From log offset to the file's position of the record that begins there.
  private final TreeMap<Long, Long> places = new TreeMap<>();
  // From where each begins to where it ends, in log offsets.
  private final TreeMap<Long, Long> holes = new TreeMap<>();
  private long end;
  private long lastPlace = -PLACE_EVERY_BYTES;

  /** The log offset after the last byte there is. */
  synchronized long end() {
    return end;
  }

  /** Whether a record may begin there: behind what there is, and not behind one hole too many. */
  synchronized boolean mayAdd(long offset) {
    return offset == end || (offset > end && holes.size() < MAX_HOLES);
  }

  /** A record of output stands at that position of the file. */
  synchronized void add(RecordHeader head, long position) {
    if (head.offset() > end) {
      holes.put(end, head.offset());
      lastPlace = position - PLACE_EVERY_BYTES;
    }
    if (position - lastPlace >= PLACE_EVERY_BYTES) {
      places.put(head.offset(), position);
      lastPlace = position;
    }
    end = head.end();
  }

  /** There is nothing more before that offset, whether or not there was. */
  synchronized void lose(long from, long to) {
    Map.Entry<Long, Long> before = holes.lowerEntry(from);
    long begin = before != null && before.getValue() >= from ? before.getKey() : from;
    Map.Entry<Long, Long> last = holes.floorEntry(to);
    long until = last == null ? to : Math.max(to, last.getValue());
    holes.subMap(begin, true, to, true).clear();
    holes.put(begin, until);
    // Nothing is read from there any more.
    places.subMap(begin, true, until, false).clear();
  }

  /**
   * The first byte at the offset or after it that is there; {@link #end} or more: there is none.
   */
  synchronized long available(long offset) {
    Map.Entry<Long, Long> hole = holes.floorEntry(offset);
    return hole != null && hole.getValue() > offset ? hole.getValue() : offset;
  }

  /** A position of the file from which on the byte will be found. */
  synchronized long placeBefore(long offset) {
    Map.Entry<Long, Long> place = places.floorEntry(offset);
    return place == null ? 0 : place.getValue();
  }

  /** The offset at which records begin to be found again after one that is broken. */
  synchronized long placeAfter(long offset) {
    Long place = places.higherKey(offset);
    return place == null ? end : place;
  }
}
