package dev.runnel.server;

import dev.runnel.model.CommandSpec;
import dev.runnel.model.End;
import dev.runnel.model.Event;
import dev.runnel.model.JobId;
import dev.runnel.model.JobState;
import dev.runnel.model.JobStatus;
import dev.runnel.model.Labels;
import dev.runnel.model.Outcome;
import dev.runnel.model.Request;
import dev.runnel.model.Role;
import dev.runnel.model.Stream;
import dev.runnel.model.StreamTotal;
import dev.runnel.wire.RequestEncoder;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.OptionalLong;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/**
 * A request that a door has passed on, and how far its answer came: what is needed to go on at the
 * byte if the connection to its node breaks. On the event loop of its client's connection.
 */
final class Relayed {
  /** More than a client may have sent and not acknowledged. */
  private static final int MAX_STDIN_BYTES = 2 * 65_536;

  private final @Nullable String id;
  private final Request request;
  private final byte[] header;
  private final byte[] body;

  private final Sum stdout = new Sum();
  private final Sum stderr = new Sum();
  private final Deque<Request.Stdin> stdin = new ArrayDeque<>();
  private long stdinBytes;
  private boolean sent;
  private boolean stdinResuming;
  private boolean unresumable;
  private boolean toldExit;
  private Event.@Nullable Started started;
  private long next;
  private long acked;
  private long gapBytes;
  private long gapsOfBefore;

  /** What was passed on of a stream. */
  private static final class Sum {
    private final CRC32 crc = new CRC32();
    private long bytes;

    void add(byte[] more, int from) {
      bytes += more.length - from;
      crc.update(more, from, more.length - from);
    }

    StreamTotal total() {
      return new StreamTotal(bytes, crc.getValue());
    }
  }

  /**
   * @param header as the client sent it, its length in front
   */
  Relayed(@Nullable String id, Request request, byte[] header, byte[] body) {
    this.id = id;
    this.request = request;
    this.header = header;
    this.body = body;
  }

  @Nullable String id() {
    return id;
  }

  Request request() {
    return request;
  }

  byte[] header() {
    return header;
  }

  byte[] body() {
    return body;
  }

  boolean isFollow() {
    return request instanceof Request.Run || request instanceof Request.Attach;
  }

  /** Whether it has, or asks for, the seat of its job. */
  boolean isRunner() {
    return request instanceof Request.Run
        || (request instanceof Request.Attach attach && attach.role() == Role.RUNNER);
  }

  /** The job it is about, as far as that is known. */
  @Nullable JobId job() {
    return started != null ? started.job() : RequestHandler.jobOf(request);
  }

  boolean isSent() {
    return sent;
  }

  boolean isStarted() {
    return started != null;
  }

  void sent() {
    sent = true;
  }

  /** It is still to be sent, to the node that it is for now. */
  void waits() {
    sent = false;
  }

  // What came.

  void started(Event.Started event) {
    if (started == null) {
      next = event.next();
      acked = event.next();
    }
    started = event;
  }

  /** How much of a piece of output was passed on before. */
  int duplicate(long offset, int bytes) {
    return (int) Math.max(0, Math.min(bytes, next - offset));
  }

  long next() {
    return next;
  }

  void output(Stream stream, byte[] bytes, int from) {
    next += bytes.length - from;
    (stream == Stream.STDOUT ? stdout : stderr).add(bytes, from);
  }

  void gap(long from, long to) {
    gapBytes += to - from;
    next = to;
  }

  /** What the node counts no longer, as it was a gap before the connection broke. */
  long gapsOfBefore() {
    return gapsOfBefore;
  }

  boolean tellsExit() {
    boolean first = !toldExit;
    toldExit = true;
    return first;
  }

  void acked(long offset) {
    acked = Math.max(acked, offset);
  }

  // What goes there.

  /** Keeps it until the process has it; whether it may be sent now. */
  boolean keep(Request.Stdin notice) {
    stdin.add(notice);
    stdinBytes += notice.bytes().length;
    if (stdinBytes > MAX_STDIN_BYTES) {
      unresumable = true;
      forgetStdin();
    }
    return !stdinResuming;
  }

  void stdinTaken(long offset) {
    while (!stdin.isEmpty() && end(stdin.getFirst()) <= offset && !stdin.getFirst().eof()) {
      stdinBytes -= stdin.removeFirst().bytes().length;
    }
  }

  private static long end(Request.Stdin notice) {
    return notice.offset() + notice.bytes().length;
  }

  void stdinClosed() {
    stdinResuming = false;
    forgetStdin();
  }

  private void forgetStdin() {
    stdin.clear();
    stdinBytes = 0;
  }

  /** What is to be sent again, once after a broken connection; empty: nothing is. */
  List<Request.Stdin> resumeStdin() {
    if (!stdinResuming) {
      return List.of();
    }
    stdinResuming = false;
    return List.copyOf(stdin);
  }

  /** What goes on where the answer is; null: nothing does without asking for it twice. */
  byte @Nullable [] again() {
    if (request instanceof Request.Run run && started == null) {
      // It takes the seat, if it had come there; the first stdin_ack then says where stdin goes on.
      stdinResuming = run.spec().command().stdin() == CommandSpec.Stdin.PIPE;
      return run.once() == null || unresumable ? null : Relay.join(header, body);
    }
    if (isFollow() && started != null) {
      return unresumable ? null : attach(started);
    }
    stdinResuming = isRunner();
    return request instanceof Request.Status
            || request instanceof Request.Resize
            || request instanceof Request.Attach
            || request instanceof Request.Jobs
        ? Relay.join(header, body)
        : null;
  }

  private byte[] attach(Event.Started begun) {
    stdinResuming = begun.stdinWindow() != null && isRunner();
    gapsOfBefore = gapBytes;
    OptionalLong window =
        request instanceof Request.Run run
            ? run.spec().window()
            : ((Request.Attach) request).window();
    // From the last ack on, so that the credit is what it was; what is known of it is dropped here.
    long from = window.isPresent() ? Math.min(acked, next) : next;
    Role role = isRunner() ? Role.RUNNER : Role.WATCHER;
    return RequestEncoder.encode(
        id, new Request.Attach(begun.job(), begun.boot(), OptionalLong.of(from), window, role));
  }

  // What it comes to without its node.

  /** How its job ended, as far as anybody knows. */
  Event.Final lost(JobId job) {
    return new Event.Ended(end(job, stdout.total(), stderr.total(), next), gapBytes);
  }

  /** The answer to a request about a job whose node was lost. */
  static Event.Final ofLost(Request request, JobId job, String principal) {
    End end = end(job, StreamTotal.UNKNOWN, StreamTotal.UNKNOWN, -1);
    return switch (request) {
      case Request.Run _, Request.Attach _ -> new Event.Ended(end, 0);
      case Request.Status _ ->
          new Event.Status(
              new JobStatus(
                  job,
                  JobState.ENDED,
                  principal,
                  "",
                  Labels.NONE,
                  null,
                  0,
                  0,
                  null,
                  null,
                  null,
                  end));
      default -> new Event.Ok(JobState.ENDED);
    };
  }

  private static End end(JobId job, StreamTotal stdout, StreamTotal stderr, long bytes) {
    return new End(
        job,
        Outcome.LOST,
        null,
        null,
        stdout,
        stderr,
        bytes,
        true,
        List.of(),
        0,
        null,
        null,
        null,
        false);
  }
}
