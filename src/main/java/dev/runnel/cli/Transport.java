package dev.runnel.cli;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;

/** What the frames of a connection go through, blocking: one thread reads, one at a time sends. */
interface Transport extends ReadableByteChannel {
  /** What keeps it from being read on its way, for people. */
  String cover();

  /** Whether a read would find something, be it the end. */
  boolean isReadable() throws IOException;

  /** Blocks until all of it is taken. */
  void write(ByteBuffer... parts) throws IOException;

  /** Nothing is sent any more. */
  void endSending() throws IOException;
}
