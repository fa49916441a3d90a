package dev.runnel.process.engine;

import dev.runnel.model.Stream;
import java.lang.foreign.MemorySegment;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.zip.CRC32;

/** A recorder that keeps no output, only how much there was and its checksum. */
class CountingRecorder extends Recorder {
  private final Map<Stream, CRC32> checksums = new EnumMap<>(Stream.class);
  private final Map<Stream, Long> counts = new EnumMap<>(Stream.class);

  CountingRecorder() {
    for (Stream stream : Stream.values()) {
      checksums.put(stream, new CRC32());
      counts.put(stream, 0L);
    }
  }

  @Override
  synchronized void keep(Stream stream, MemorySegment bytes) {
    counts.merge(stream, bytes.byteSize(), Long::sum);
    Objects.requireNonNull(checksums.get(stream)).update(bytes.asByteBuffer());
  }

  @Override
  synchronized long count(Stream stream) {
    return Objects.requireNonNull(counts.get(stream));
  }

  synchronized long checksum(Stream stream) {
    return Objects.requireNonNull(checksums.get(stream)).getValue();
  }
}
