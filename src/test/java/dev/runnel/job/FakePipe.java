package dev.runnel.job;

import dev.runnel.model.Stream;
import dev.runnel.process.ProcessListener;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.EnumSet;

/** The pipe of one output stream, both its ends, read the way the pump reads. */
final class FakePipe {
  static final int CAPACITY_BYTES = 65_536;

  private final Stream stream;
  private final ProcessListener listener;
  private final EnumSet<Holder> holders = EnumSet.of(Holder.LEADER);
  private final ByteArrayOutputStream delivered = new ByteArrayOutputStream();
  private byte[] content = {};
  private boolean open = true;
  private long lostBytes;

  /** Who may have the writing end. */
  enum Holder {
    LEADER,
    SURVIVOR,
    /** Of no session we know. */
    STRANGER
  }

  FakePipe(Stream stream, ProcessListener listener) {
    this.stream = stream;
    this.listener = listener;
  }

  Stream stream() {
    return stream;
  }

  EnumSet<Holder> holders() {
    return holders;
  }

  /** What the listener committed. */
  byte[] delivered() {
    return delivered.toByteArray();
  }

  /** Written, not discarded, and never delivered. */
  long lostBytes() {
    return lostBytes;
  }

  /** Writes as much as fits, like a process that then waits; nothing once our end is closed. */
  int write(byte[] bytes) {
    int count = open ? Math.min(bytes.length, CAPACITY_BYTES - content.length) : 0;
    byte[] longer = Arrays.copyOf(content, content.length + count);
    System.arraycopy(bytes, 0, longer, content.length, count);
    content = longer;
    return count;
  }

  boolean isOpen() {
    return open;
  }

  boolean isReadable() {
    return open && (content.length > 0 || holders.isEmpty());
  }

  /** Reads at most so much; false: the listener has no room. */
  boolean read(int limit) {
    if (content.length == 0 && holders.isEmpty()) {
      closeAndTell();
    }
    int left = limit;
    while (open && left > 0) {
      MemorySegment room = listener.reserve(stream);
      if (room == null) {
        return false;
      }
      int wanted = (int) Math.min(left, room.byteSize());
      int count = Math.min(wanted, content.length);
      if (count > 0) {
        deliver(room, count);
        left -= count;
      } else if (holders.isEmpty()) {
        closeAndTell();
      }
      if (count < wanted) {
        return true;
      }
    }
    return true;
  }

  private void deliver(MemorySegment room, int count) {
    MemorySegment.copy(MemorySegment.ofArray(content), 0, room, 0, count);
    delivered.write(content, 0, count);
    content = Arrays.copyOfRange(content, count, content.length);
    listener.commit(stream, count);
  }

  /** Reads into nowhere. */
  void discard() {
    content = new byte[0];
    open = !holders.isEmpty();
  }

  /** Reads what is there now and closes our end. */
  void end() {
    if (open) {
      read(content.length);
      lostBytes += content.length;
    }
    if (open) {
      closeAndTell();
    }
  }

  private void closeAndTell() {
    open = false;
    listener.outputClosed(stream);
  }
}
