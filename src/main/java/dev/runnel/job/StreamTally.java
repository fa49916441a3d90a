package dev.runnel.job;

import dev.runnel.model.StreamTotal;
import java.lang.foreign.MemorySegment;
import java.util.zip.CRC32;

/** Counts and checksums what a process writes to one stream. On the pump. */
final class StreamTally {
  private final CRC32 crc = new CRC32();
  private long bytes;

  void add(MemorySegment written) {
    crc.update(written.asByteBuffer());
    bytes += written.byteSize();
  }

  StreamTotal total() {
    return new StreamTotal(bytes, crc.getValue());
  }
}
