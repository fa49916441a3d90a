package dev.runnel.api;

import dev.runnel.model.End;
import dev.runnel.model.Event;
import dev.runnel.model.Outcome;
import dev.runnel.model.Stream;
import dev.runnel.model.StreamTotal;
import java.util.EnumMap;
import java.util.Map;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/** What came of a job's output, to be held against what its node counted. On the job's context. */
final class OutputVerifier {
  private final Map<Stream, Count> counts = new EnumMap<>(Stream.class);
  private long next;
  private boolean whole = true;

  private static final class Count {
    final CRC32 checksum = new CRC32();
    long bytes;
  }

  /** The log offset after the last byte that came. */
  long next() {
    return next;
  }

  /** The first byte is to stand there. */
  void begin(long offset) {
    next = offset;
    whole = offset == 0;
  }

  /** What stands before that offset, and did not come, is known to be missing. */
  void skip(long to) {
    next = Math.max(next, to);
    whole = false;
  }

  /** Counts what came; says what is wrong with its place, or null. */
  @Nullable String add(Event.Output piece, byte[] body) {
    if (piece.offset() != next) {
      return "output lost: from " + next + " to " + piece.offset();
    }
    next += body.length;
    Count count = count(piece.stream());
    count.checksum.update(body);
    count.bytes += body.length;
    return null;
  }

  /**
   * In what it differs from what the end tells; null: in nothing. Checksums are over whole streams:
   * of a part only the offsets can be held against them.
   */
  @Nullable String damage(End how) {
    if (!whole) {
      return next == how.outputBytes()
          ? null
          : "output ended at offset " + next + " (the node counted: " + how.outputBytes() + ")";
    }
    String damage = damage(Stream.STDOUT, how.stdout());
    damage = damage == null ? damage(Stream.STDERR, how.stderr()) : damage;
    return damage == null && how.outcome() != Outcome.LOST && next != how.outputBytes()
        ? "output ended at offset " + next + " (the node counted: " + how.outputBytes() + ")"
        : damage;
  }

  private @Nullable String damage(Stream stream, StreamTotal told) {
    Count count = count(stream);
    return count.bytes == told.bytes() && count.checksum.getValue() == told.crc32()
        ? null
        : stream.wireName() + ": " + count.bytes + " bytes (the node counted: " + told + ")";
  }

  private Count count(Stream stream) {
    return counts.computeIfAbsent(stream, _ -> new Count());
  }
}
