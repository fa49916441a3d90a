package dev.runnel.cli;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;

/**
 * Keys for a job's terminal, but for those that are for us: an escape character right after Enter,
 * or first of all, and the key after it, as ssh has it. For the thread that reads stdin.
 */
final class EscapeKeys implements ReadableByteChannel {
  private static final int READ_BYTES = 4_096;

  private final ReadableByteChannel in;
  private final byte escape;
  private final Actions actions;
  private final ByteBuffer read = ByteBuffer.allocate(READ_BYTES);

  /** What is not given yet: of each key that was read two at most, and one from before. */
  private final ByteBuffer ready = ByteBuffer.allocate(2 * READ_BYTES + 1).limit(0);

  private State state = State.LINE_START;

  /** What escape keys do. */
  interface Actions {
    void leave();

    void help();
  }

  private enum State {
    LINE_START,
    ESCAPED,
    WITHIN
  }

  EscapeKeys(ReadableByteChannel in, char escape, Actions actions) {
    this.in = in;
    this.escape = (byte) escape;
    this.actions = actions;
  }

  /** As the channel does: 0 if it does not block and has nothing. */
  @Override
  public int read(ByteBuffer into) throws IOException {
    while (!ready.hasRemaining()) {
      int count = in.read(read.clear());
      ready.clear();
      if (count < 0 && state == State.ESCAPED) {
        ready.put(escape);
        state = State.WITHIN;
      }
      for (int i = 0; i < count; i++) {
        take(read.get(i));
      }
      ready.flip();
      if (count <= 0 && !ready.hasRemaining()) {
        return count;
      }
    }
    int length = Math.min(into.remaining(), ready.remaining());
    into.put(ready.slice(ready.position(), length));
    ready.position(ready.position() + length);
    return length;
  }

  private void take(byte key) {
    if (state == State.LINE_START && key == escape) {
      state = State.ESCAPED;
    } else if (state != State.ESCAPED) {
      pass(key);
    } else if (key == '.') {
      state = State.LINE_START;
      actions.leave();
    } else if (key == '?') {
      state = State.LINE_START;
      actions.help();
    } else {
      ready.put(escape);
      if (key == escape) {
        state = State.WITHIN;
      } else {
        pass(key);
      }
    }
  }

  private void pass(byte key) {
    ready.put(key);
    state = key == '\r' || key == '\n' ? State.LINE_START : State.WITHIN;
  }

  @Override
  public boolean isOpen() {
    return in.isOpen();
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
