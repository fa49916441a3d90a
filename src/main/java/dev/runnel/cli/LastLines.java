package dev.runnel.cli;

import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;

/** Takes the end of a log and finds where its last lines begin, those of both streams together. */
final class LastLines implements WritableByteChannel {
  /** Behind a line's end, in bytes from where we began; the oldest is overwritten. */
  private final long[] begins;

  private int found;
  private int next;
  private long bytes;
  private boolean isLineEnd;

  /**
   * @param count of lines that are wanted
   */
  LastLines(int count) {
    this.begins = new long[count];
  }

  @Override
  public int write(ByteBuffer part) {
    int length = part.remaining();
    while (part.hasRemaining()) {
      // The last line's own end begins no other one.
      if (isLineEnd) {
        begin();
      }
      bytes++;
      isLineEnd = part.get() == '\n';
    }
    return length;
  }

  private void begin() {
    begins[next] = bytes;
    next = (next + 1) % begins.length;
    found = Math.min(found + 1, begins.length);
  }

  /** Whether so many lines begin in what was taken. */
  boolean isEnough() {
    return found == begins.length;
  }

  /** How many bytes from the beginning of the first of them to the end of what was taken. */
  long length() {
    return isEnough() ? bytes - begins[next] : bytes;
  }

  @Override
  public boolean isOpen() {
    return true;
  }

  @Override
  public void close() {}
}
