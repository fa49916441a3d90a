package dev.runnel.spool;

import dev.runnel.model.Stream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/**
 * What stands before every record of a spool file, 24 bytes, little-endian: the kind and three
 * letters, the payload's length, its log offset, its CRC-32, and the CRC-32 of all that. One that
 * is whole tells where the next begins, so that the first that is not is where the file ends.
 *
 * @param offset in the log, for output; 0 for other kinds
 */
record RecordHeader(Kind kind, int length, long offset, int crc) {
  static final int BYTES = 24;

  /** Of output; small enough that reading a few bytes of it does not cost much. */
  static final int MAX_OUTPUT_BYTES = 65_536;

  private static final int MAX_PAYLOAD_BYTES = 131_072;
  private static final int LETTERS = 'r' | 'n' << 8 | 'l' << 16;
  private static final int CHECKED_BYTES = 20;

  /** What a record tells of. */
  enum Kind {
    JOB(0),
    STARTED(1),
    STDOUT(2),
    STDERR(3),
    END(4);

    private final int code;

    Kind(int code) {
      this.code = code;
    }

    /** Null: there is no such kind. */
    static @Nullable Kind ofCode(int code) {
      for (Kind kind : values()) {
        if (kind.code == code) {
          return kind;
        }
      }
      return null;
    }

    static Kind of(Stream stream) {
      return switch (stream) {
        case STDOUT -> STDOUT;
        case STDERR -> STDERR;
      };
    }

    /** Null: it is no output. */
    @Nullable Stream stream() {
      return this == STDOUT ? Stream.STDOUT : this == STDERR ? Stream.STDERR : null;
    }
  }

  static RecordHeader of(Kind kind, long offset, ByteBuffer payload) {
    return new RecordHeader(kind, payload.remaining(), offset, crc(payload));
  }

  /** The bytes of head and payload together. */
  int recordBytes() {
    return BYTES + length;
  }

  /** The log offset after the last byte. */
  long end() {
    return offset + length;
  }

  ByteBuffer encode() {
    ByteBuffer bytes = ByteBuffer.allocate(BYTES).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putInt(LETTERS << 8 | kind.code).putInt(length).putLong(offset).putInt(crc);
    return bytes.putInt(crc(bytes.duplicate().flip())).flip();
  }

  /**
   * Reads one from where the buffer stands, and moves past it; null: there is none that is whole.
   */
  static @Nullable RecordHeader decode(ByteBuffer from) {
    if (from.remaining() < BYTES) {
      return null;
    }
    ByteBuffer bytes = from.slice(from.position(), BYTES).order(ByteOrder.LITTLE_ENDIAN);
    int first = bytes.getInt(0);
    Kind kind = Kind.ofCode(first & 0xFF);
    int length = bytes.getInt(4);
    long offset = bytes.getLong(8);
    boolean sound =
        first >>> 8 == LETTERS
            && length >= 0
            && length <= MAX_PAYLOAD_BYTES
            && offset >= 0
            && bytes.getInt(CHECKED_BYTES) == crc(bytes.slice(0, CHECKED_BYTES));
    if (kind == null || !sound) {
      return null;
    }
    from.position(from.position() + BYTES);
    return new RecordHeader(kind, length, offset, bytes.getInt(16));
  }

  boolean fits(ByteBuffer payload) {
    return payload.remaining() == length && crc(payload) == crc;
  }

  private static int crc(ByteBuffer bytes) {
    CRC32 crc = new CRC32();
    crc.update(bytes.duplicate());
    return (int) crc.getValue();
  }
}
