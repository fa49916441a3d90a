package dev.runnel.job;

import dev.runnel.model.Stream;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** Writes into a log as the pump does. */
final class LogWriter {
  private final OutputLog log;

  LogWriter(OutputLog log) {
    this.log = log;
  }

  /** Writes as much as there is room for; says how much. */
  int write(Stream stream, byte[] bytes) {
    int done = 0;
    while (done < bytes.length) {
      MemorySegment room = log.reserve(stream);
      if (room == null) {
        break;
      }
      int count = (int) Math.min(room.byteSize(), bytes.length - done);
      put(room, stream, Arrays.copyOfRange(bytes, done, done + count));
      done += count;
    }
    return done;
  }

  /** Commits bytes that fit into what was reserved. */
  void put(MemorySegment room, Stream stream, byte[] bytes) {
    MemorySegment.copy(MemorySegment.ofArray(bytes), 0, room, 0, bytes.length);
    log.commit(stream, bytes.length);
  }
}
