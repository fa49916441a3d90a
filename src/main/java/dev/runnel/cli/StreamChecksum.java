package dev.runnel.cli;

import dev.runnel.model.StreamTotal;
import java.nio.ByteBuffer;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/** What arrived of one stream, to be held against what its process wrote. For one thread. */
final class StreamChecksum {
  private final String name;
  private final CRC32 crc = new CRC32();
  private long bytes;

  StreamChecksum(String name) {
    this.name = name;
  }

  /** Counts the bytes and leaves the buffer's position where it was. */
  void add(ByteBuffer chunk) {
    bytes += chunk.remaining();
    crc.update(chunk.duplicate());
  }

  /** What is wrong with what arrived, or null: it is all there. */
  @Nullable String difference(StreamTotal total) {
    if (bytes != total.bytes()) {
      return name + ": " + bytes + " bytes arrived, but " + total.bytes() + " were written";
    }
    if (crc.getValue() != total.crc32()) {
      return name + ": what arrived is not what was written (CRC-32 differs)";
    }
    return null;
  }
}
