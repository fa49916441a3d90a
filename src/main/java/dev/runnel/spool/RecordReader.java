package dev.runnel.spool;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import org.jspecify.annotations.Nullable;

/** Goes over a file's records, one after the other. For one thread, which blocks. */
final class RecordReader {
  private static final int WINDOW_BYTES = 262_144;

  private final FileChannel file;
  // What of the file is in memory, from start on.
  private ByteBuffer window = ByteBuffer.allocate(0);
  private long start;
  private long position;

  RecordReader(FileChannel file, long position) {
    this.file = file;
    this.position = position;
  }

  /** Where in the file the next record begins. */
  long position() {
    return position;
  }

  /** The next head, without moving past it; null: from here on there is no whole record. */
  @Nullable RecordHeader peek() throws IOException {
    RecordHeader head = have(RecordHeader.BYTES) ? RecordHeader.decode(at(position)) : null;
    return head != null && position + head.recordBytes() <= file.size() ? head : null;
  }

  /** The payload of the record that was peeked at; null: it is not what was written. */
  @Nullable ByteBuffer payload(RecordHeader head) throws IOException {
    if (!have(head.recordBytes())) {
      return null;
    }
    ByteBuffer all = at(position + RecordHeader.BYTES);
    ByteBuffer payload = all.slice(all.position(), head.length());
    return head.fits(payload) ? payload : null;
  }

  /** Whether the record is in memory already. */
  boolean isNear(RecordHeader head) {
    return position + head.recordBytes() <= start + window.limit();
  }

  void skip(RecordHeader head) {
    position += head.recordBytes();
  }

  private ByteBuffer at(long place) {
    return window.duplicate().position((int) (place - start));
  }

  // Slices of the window before stay as they are: it is never written to again.
  private boolean have(int bytes) throws IOException {
    if (position < start || position + bytes > start + window.limit()) {
      long most = Math.min(WINDOW_BYTES, file.size() - position);
      window = ByteBuffer.allocate((int) Math.max(0, most));
      start = position;
      while (window.hasRemaining() && file.read(window, start + window.position()) > 0) {
        // On to the end of the file.
      }
      window.flip();
    }
    return position + bytes <= start + window.limit();
  }
}
