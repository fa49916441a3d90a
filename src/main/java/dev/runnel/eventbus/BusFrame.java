package dev.runnel.eventbus;

import dev.runnel.api.CommandException;
import dev.runnel.model.ErrorCode;
import dev.runnel.model.Event;
import dev.runnel.model.JobSpec;
import dev.runnel.wire.EventDecoder;
import dev.runnel.wire.Frame;
import dev.runnel.wire.Header;
import dev.runnel.wire.Limits;
import dev.runnel.wire.ProtocolException;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.Message;
import io.vertx.core.eventbus.ReplyException;
import io.vertx.core.eventbus.ReplyFailure;
import io.vertx.core.tracing.TracingPolicy;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.OptionalLong;

/**
 * A frame as a message on the event bus: its header is the message header {@code frame}, as JSON
 * text, its body the message's body, a Buffer. Any thread. PROTOCOL.md, "On the event bus".
 */
public final class BusFrame {
  /** The message header that has the frame's header. */
  public static final String FRAME = "frame";

  /** The message header that names the address of who follows the job. */
  public static final String FOLLOWER = "follower";

  /** The message header of the answer to a run that names its job. */
  public static final String JOB = "job";

  /** The most that a message carries of a job's output. */
  public static final int MAX_OUTPUT_BYTES = 64 * 1024;

  /** A consumer's credit, unless it asks for another: the bus has no back-pressure of its own. */
  public static final long WINDOW_BYTES = 256 * 1024;

  private BusFrame() {}

  /** The credit of a run: whoever names none gets some. */
  public static long window(JobSpec spec) {
    return window(spec.window(), spec.retainBytes());
  }

  /** A consumer's credit in a log that retains so much. */
  public static long window(OptionalLong asked, long retainBytes) {
    return asked.orElse(Math.min(WINDOW_BYTES, retainBytes));
  }

  /** The header of an encoded frame, as text. */
  public static String header(byte[] encoded) {
    return new String(encoded, Limits.PREFIX_BYTES, headerBytes(encoded), StandardCharsets.UTF_8);
  }

  /** The body of an encoded frame. */
  public static Buffer body(byte[] encoded) {
    int start = Limits.PREFIX_BYTES + headerBytes(encoded);
    return Buffer.buffer(Arrays.copyOfRange(encoded, start, encoded.length));
  }

  /** Options of a message with this header. */
  public static DeliveryOptions options(byte[] encoded) {
    return new DeliveryOptions().addHeader(FRAME, header(encoded));
  }

  /** The same of a message that is a small part of something: hundreds of spans say nothing. */
  static DeliveryOptions untraced(DeliveryOptions options) {
    return options.setTracingPolicy(TracingPolicy.IGNORE);
  }

  /** The frame that a message is. */
  public static Frame frame(Message<?> message) throws ProtocolException {
    String text = message.headers().get(FRAME);
    if (text == null) {
      throw new ProtocolException(ErrorCode.BAD_FRAME, "no message header named " + FRAME);
    }
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    Header.checkLength(bytes.length);
    Header header = Header.parse(bytes);
    byte[] body = message.body() instanceof Buffer buffer ? buffer.getBytes() : new byte[0];
    if (body.length != header.totalSize()) {
      throw new ProtocolException(
          ErrorCode.BAD_FRAME,
          "total_size: " + header.totalSize() + " (the message's body: " + body.length + ")");
    }
    return new Frame(header, body);
  }

  /**
   * What a reply means.
   *
   * @throws CommandException if it means nothing
   */
  static Event answer(Message<?> reply) {
    try {
      Event event = EventDecoder.decode(frame(reply).header());
      if (event != null) {
        return event;
      }
      throw new CommandException.Damaged("the node's answer is none that is known");
    } catch (ProtocolException e) {
      throw new CommandException.Damaged("the node's answer is no event: " + e.getMessage());
    }
  }

  /** Why there was no reply: nobody listens, nobody answered in time, or the node refused. */
  static CommandException failure(Throwable cause) {
    String message = String.valueOf(cause.getMessage());
    return switch (cause) {
      case ReplyException none when none.failureType() == ReplyFailure.NO_HANDLERS ->
          new CommandException.Unreachable(message, none);
      case ReplyException refused when refused.failureType() == ReplyFailure.RECIPIENT_FAILURE ->
          refusal(message, refused);
      default -> new CommandException.OutcomeUnknown(message, cause);
    };
  }

  // A refusal's message is the error's code, a colon, a blank, and the error's own.
  private static CommandException refusal(String message, ReplyException cause) {
    int colon = message.indexOf(": ");
    for (ErrorCode code : ErrorCode.values()) {
      if (colon > 0 && code.wireName().equals(message.substring(0, colon))) {
        return new CommandException.Refused(
            new Event.Failed(code, message.substring(colon + 2), null), cause);
      }
    }
    return new CommandException.OutcomeUnknown(message, cause);
  }

  private static int headerBytes(byte[] encoded) {
    int bytes = 0;
    for (int i = 0; i < Limits.PREFIX_BYTES; i++) {
      bytes |= (encoded[i] & 0xFF) << (8 * i);
    }
    return bytes;
  }
}
