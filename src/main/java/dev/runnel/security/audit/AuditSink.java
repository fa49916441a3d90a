package dev.runnel.security.audit;

import java.io.IOException;

/** Where an audit's lines go. For one thread; it may block. */
public interface AuditSink extends AutoCloseable {
  /** Writes them all, or none of them. */
  void write(byte[] lines) throws IOException;

  @Override
  void close() throws IOException;
}
