package dev.runnel.wire;

import dev.runnel.wire.vertx.FrameDecoder;
import io.vertx.core.buffer.Buffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a {@link FrameDecoder} made of some bytes, and when. */
public final class Frames implements FrameDecoder.Output {
  private final List<Frame> frames = new ArrayList<>();
  private @Nullable ProtocolException mistake;

  @Override
  public void frame(Frame frame) {
    if (mistake != null) {
      throw new AssertionError("a frame after a mistake: " + mistake.getMessage());
    }
    frames.add(frame);
  }

  @Override
  public void failed(ProtocolException mistake) {
    if (this.mistake != null) {
      throw new AssertionError("a second mistake: " + mistake.getMessage());
    }
    this.mistake = mistake;
  }

  /** All of the bytes in one piece, and then the end of the stream. */
  public static Frames of(byte[] bytes) {
    Frames frames = new Frames();
    FrameDecoder decoder = new FrameDecoder(frames);
    decoder.handle(Buffer.buffer(bytes));
    decoder.end();
    return frames;
  }

  public List<Frame> list() {
    return frames;
  }

  public @Nullable ProtocolException mistake() {
    return mistake;
  }

  /** The only frame there is. */
  public Frame only() throws ProtocolException {
    if (mistake != null) {
      throw mistake;
    }
    if (frames.size() != 1) {
      throw new AssertionError("frames: " + frames.size() + " (expected: 1)");
    }
    return frames.getFirst();
  }
}
