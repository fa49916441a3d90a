package dev.runnel.wire.vertx;

import dev.runnel.model.ErrorCode;
import dev.runnel.wire.Frame;
import dev.runnel.wire.Header;
import dev.runnel.wire.Limits;
import dev.runnel.wire.ProtocolException;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.parsetools.RecordParser;
import org.jspecify.annotations.Nullable;

/**
 * Cuts the bytes of one connection into frames in three steps: the header's length, the header, the
 * body. Owned by that connection, on its event loop. PROTOCOL.md, "The frame".
 */
public final class FrameDecoder {
  private static final byte[] NO_BODY = {};

  private final Output output;
  private RecordParser parser;
  private Step step = Step.LENGTH;
  private @Nullable Header header;
  // Of a frame whose body is not there yet: what a header is parsed to may take far more memory.
  private byte @Nullable [] headerText;
  // What the parser was given, less what it gave back: at the end of the stream it drops the rest.
  private long pendingBytes;
  private int headerBytes;
  private int maxBytes = Limits.MAX_FRAME_BYTES;
  private boolean paused;

  private enum Step {
    LENGTH("length"),
    HEADER("header"),
    BODY("body"),
    STOPPED("rest");

    private final String what;

    Step(String what) {
      this.what = what;
    }
  }

  /** Where frames go. */
  public interface Output {
    void frame(Frame frame);

    /** The peer broke the protocol; nothing comes after it. */
    void failed(ProtocolException mistake);
  }

  public FrameDecoder(Output output) {
    this.output = output;
    this.parser = parser();
  }

  private RecordParser parser() {
    return RecordParser.newFixed(Limits.PREFIX_BYTES, this::take);
  }

  /** From the next frame on none has more, header and body together. */
  public void limit(int bytes) {
    maxBytes = bytes;
  }

  /** Takes what the socket read; calls the output for every frame that is whole now. */
  public void handle(Buffer bytes) {
    if (step != Step.STOPPED) {
      pendingBytes += bytes.length();
      parser.handle(bytes);
    }
  }

  /** The stream has ended: within a frame, that is a mistake. */
  public void end() {
    if (hasPart()) {
      fail(
          new ProtocolException(
              ErrorCode.BAD_FRAME,
              "end of stream within a frame, after "
                  + pendingBytes
                  + " bytes of its "
                  + step.what));
    }
  }

  /**
   * Whether the first byte of a frame was seen and its last was not: the peer's turn. While paused
   * it is never the peer's.
   */
  public boolean isMidFrame() {
    return !paused && hasPart();
  }

  private boolean hasPart() {
    return step != Step.STOPPED && (pendingBytes > 0 || step != Step.LENGTH);
  }

  /** Bytes that are held here: of a frame under way, and of whole ones while paused. */
  public long heldBytes() {
    return pendingBytes + (headerText == null ? 0 : headerText.length);
  }

  /** Whole frames stay inside until {@link #resume}; the caller stops its socket as well. */
  public void pause() {
    paused = true;
    parser.pause();
  }

  public void resume() {
    paused = false;
    parser.resume();
  }

  /** No frame comes any more, not even from bytes that are here already. */
  public void stop() {
    step = Step.STOPPED;
    pendingBytes = 0;
    header = null;
    headerText = null;
    // What it holds goes with it.
    parser = parser();
  }

  private void take(Buffer record) {
    if (step == Step.STOPPED) {
      return;
    }
    pendingBytes -= record.length();
    try {
      switch (step) {
        case LENGTH -> takeLength(record);
        case HEADER -> takeHeader(record);
        case BODY -> takeBody(record);
        case STOPPED -> {}
      }
    } catch (ProtocolException e) {
      fail(e);
    }
  }

  private void takeLength(Buffer record) throws ProtocolException {
    // Before fixedSizeMode: in this mode the parser has no limit of its own.
    int length = Header.checkLength(record.getUnsignedIntLE(0));
    check("header", ErrorCode.HEADER_TOO_LARGE, length, maxBytes);
    headerBytes = length;
    parser.fixedSizeMode(length);
    step = Step.HEADER;
  }

  private void takeHeader(Buffer record) throws ProtocolException {
    byte[] text = record.getBytes();
    Header parsed = Header.parse(text);
    check("body", ErrorCode.BODY_TOO_LARGE, parsed.totalSize(), maxBytes - headerBytes);
    if (parsed.totalSize() == 0) {
      emit(parsed, NO_BODY); // The parser knows no record of size 0.
      return;
    }
    if (pendingBytes >= parsed.totalSize()) {
      header = parsed;
    } else {
      headerText = text;
    }
    parser.fixedSizeMode(parsed.totalSize());
    step = Step.BODY;
  }

  private void takeBody(Buffer record) throws ProtocolException {
    byte[] text = headerText;
    Header whole = text == null ? header : Header.parse(text);
    header = null;
    headerText = null;
    if (whole != null) {
      emit(whole, record.getBytes());
    }
  }

  private static void check(String what, ErrorCode code, int bytes, int limit)
      throws ProtocolException {
    if (bytes > limit) {
      throw new ProtocolException(code, what + ": " + bytes + " bytes (limit: " + limit + ")");
    }
  }

  private void emit(Header whole, byte[] body) {
    step = Step.LENGTH;
    parser.fixedSizeMode(Limits.PREFIX_BYTES);
    output.frame(new Frame(whole, body));
  }

  private void fail(ProtocolException mistake) {
    stop();
    output.failed(mistake);
  }
}
