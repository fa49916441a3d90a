package dev.runnel.spool;

import dev.runnel.model.Stream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** Output that was read back from a file: bytes of one stream or the other, without a hole. */
public final class SpoolReader {
  private final List<Run> runs = new ArrayList<>();
  private final long offset;
  private int bytes;

  /** Bytes of one stream. */
  public record Run(Stream stream, ByteBuffer bytes) {}

  SpoolReader(long offset) {
    this.offset = offset;
  }

  void add(Stream stream, ByteBuffer more) {
    runs.add(new Run(stream, more));
    bytes += more.remaining();
  }

  /** The log offset of the first byte. */
  public long offset() {
    return offset;
  }

  public int bytes() {
    return bytes;
  }

  long end() {
    return offset + bytes;
  }

  public List<Run> runs() {
    return runs;
  }
}
