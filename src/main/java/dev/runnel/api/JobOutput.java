package dev.runnel.api;

import dev.runnel.model.Stream;
import io.vertx.core.buffer.Buffer;

/**
 * Bytes of one stream.
 *
 * @param offset in the job's log, of the first byte
 */
public record JobOutput(Stream stream, long offset, Buffer bytes) {
  long end() {
    return offset + bytes.length();
  }
}
