package dev.runnel.job;

import dev.runnel.model.Stream;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Bytes of a log, lent to a follower while it writes them. They stay where they are and as they are
 * until {@link #close}, which any thread may call; a second call does nothing.
 */
public final class LentSlice implements AutoCloseable {
  private final OutputLog log;
  private final boolean runners;
  private final Chunk chunk;
  private final Stream stream;
  private final long offset;
  private final MemorySegment bytes;
  // Guarded by the log: a lease that was counted twice would free another's bytes.
  private boolean closed;

  LentSlice(LogReader reader, Chunk chunk, Stream stream, long offset, MemorySegment bytes) {
    this.log = reader.log();
    this.runners = reader.isRunner();
    this.chunk = chunk;
    this.stream = stream;
    this.offset = offset;
    this.bytes = bytes;
  }

  public Stream stream() {
    return stream;
  }

  /** The log offset of the first byte. */
  public long offset() {
    return offset;
  }

  /** The log offset after the last byte. */
  public long end() {
    return offset + bytes.byteSize();
  }

  /** Native memory, at least a byte. */
  public MemorySegment bytes() {
    return bytes;
  }

  @Override
  public void close() {
    log.release(this);
  }

  /** Whether a runner took it, who may be waited for. */
  boolean isRunners() {
    return runners;
  }

  /** The chunk to give back; null: that was done already. */
  @Nullable Chunk takeChunk() {
    boolean was = closed;
    closed = true;
    return was ? null : chunk;
  }
}
