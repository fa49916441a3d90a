package dev.runnel.api;

import dev.runnel.model.CommandSpec;
import dev.runnel.model.End;
import dev.runnel.model.Event;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.JobId;
import dev.runnel.model.JobSpec;
import dev.runnel.model.JobState;
import dev.runnel.model.JobStatus;
import dev.runnel.model.Outcome;
import dev.runnel.model.Request;
import dev.runnel.model.Role;
import dev.runnel.model.Stream;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.streams.WriteStream;
import java.io.IOException;
import java.time.Duration;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes a {@link JobHandle} of what a node tells: hands output on, gives credit as it is consumed,
 * and believes in no end that the output does not bear out. On the context that asked.
 */
public final class JobSession {
  /** However large the window: on a node short of memory a log may hold no more than 64 KiB. */
  private static final long MAX_UNACKED_BYTES = 32 * 1024;

  private static final Logger LOG = LoggerFactory.getLogger(JobSession.class);

  /** After so long a consumer that reads nothing may have been forgotten. */
  private static final Duration UNREAD = Duration.ofSeconds(10);

  private final Context context;
  private final JobTransport line;
  private final Request opening;
  private final OutputVerifier tally = new OutputVerifier();
  private final OutputSplitter output;
  private final StdinStream stdin = new StdinStream(this::sendStdin);
  private final CompletableFuture<JobHandle> started = new CompletableFuture<>();
  private final CompletableFuture<End> end = new CompletableFuture<>();
  private final long ackBytes;
  private final long maxUnreadBytes;
  private Event.@Nullable Started begun;
  private @Nullable ExitStatus exited;
  private @Nullable Handler<Event.Gap> gapHandler;
  private final long window;
  private long acked;
  private UnreadWatch unread = UnreadWatch.OFF;
  private boolean over;

  private enum UnreadWatch {
    OFF,
    ON,
    /** Once for each job. */
    TOLD
  }

  /**
   * Nothing was asked yet.
   *
   * @param opening the run or attach that the line is to bring to the node, as it was asked for
   * @param window the credit that is given with it
   */
  public JobSession(Context context, JobTransport line, Request opening, long window) {
    this.context = context;
    this.line = line;
    this.opening = opening;
    this.window = window;
    this.ackBytes = Math.min(window / 4, MAX_UNACKED_BYTES);
    // Cuts leave output unread: a line comes back with twice the window of it at most, and then
    // gives at least the least window there is. Gaps count for nothing here, as with credit.
    this.maxUnreadBytes = 2 * window + JobSpec.MIN_WINDOW;
    this.output =
        new OutputSplitter(
            this::consumed,
            task -> context.runOnContext(_ -> task.run()),
            window,
            e -> stop("its output could not be written: " + e.getMessage(), e));
  }

  /** Done when the node has told of the job. */
  public Future<JobHandle> started() {
    return Future.fromCompletionStage(started, context);
  }

  /** The job, and what else its node said of it; null: nothing yet. */
  public Event.@Nullable Started begun() {
    return begun;
  }

  /** The log offset after the last byte or gap that came. */
  public long next() {
    return tally.next();
  }

  /** How far output and stdin came; grows as they do. */
  public long reached() {
    return tally.next() + stdin.takenBytes();
  }

  /** Bytes that came and were not consumed yet. */
  public long unconsumedBytes() {
    return output.unconsumedBytes();
  }

  Context context() {
    return context;
  }

  OutputSplitter output() {
    return output;
  }

  void onGap(Handler<Event.Gap> handler) {
    gapHandler = handler;
  }

  Future<End> end() {
    return Future.fromCompletionStage(end, context);
  }

  WriteStream<Buffer> stdin() {
    if (!hasStdin()) {
      throw new IllegalStateException(
          "the command has no stdin, or it is not ours: Stdin.PIPE and the seat give it one");
    }
    return stdin;
  }

  boolean takesNoInput() {
    return stdin.isBroken();
  }

  private boolean hasStdin() {
    return opening instanceof Request.Run run
        ? run.spec().command().stdin() == CommandSpec.Stdin.PIPE
        : begun != null && begun.stdinWindow() != null;
  }

  /** What the node told, in order; the body belongs to us. */
  public void take(Event event, byte[] body) {
    String wrong = over ? null : contradiction(event);
    if (wrong != null) {
      fail(new CommandException.Damaged("the node contradicted itself: it " + wrong));
    }
    if (over) {
      return;
    }
    switch (event) {
      case Event.Started running -> start(running);
      case Event.Output piece -> take(piece, body);
      case Event.Gap gap -> take(gap);
      case Event.StdinAck ack -> {
        stdin.taken(ack.offset());
        if (ack.eof()) {
          stdin.closed();
        }
      }
      case Event.StdinClosed _ ->
          stdin.fail(new IOException("the process reads its stdin no more"));
      case Event.Ended(End how, _) -> finish(how);
      // The job is somebody else's now, and goes on.
      case Event.Detached(var reason) ->
          giveUp(new CommandException.Detached("detached: " + reason.wireName()));
      case Event.Failed failed -> fail(meaning(failed));
      case Event.Exited(_, ExitStatus status) -> exited = status;
      case Event.Hello _, Event.Ok _, Event.Ping _, Event.Pong _, Event.Resized _ -> {}
      case Event.Status _ -> {}
      case Event.JobsPart _, Event.JobsEnd _, Event.NodesPart _, Event.NodesEnd _ -> {}
    }
  }

  // What fits neither what was asked for nor what came before is nothing to go by.
  private @Nullable String contradiction(Event event) {
    JobId named = jobOf(event);
    JobId expected = begun == null ? asked() : begun.job();
    if (named != null && expected != null && !named.equals(expected)) {
      return "told of job " + named + " instead of " + expected;
    }
    return switch (event) {
      case Event.Started running -> misplaced(running);
      case Event.Output _ when begun == null && opening instanceof Request.Run ->
          "sent output of a command that it had not started";
      case Event.Exited(_, ExitStatus status) when differs(status) ->
          "told of two ways in which the command ended";
      case Event.Ended(End how, _) -> contradiction(how);
      default -> null;
    };
  }

  private @Nullable JobId asked() {
    return switch (opening) {
      case Request.Run run -> run.job();
      case Request.Attach attach -> attach.job();
      default -> null;
    };
  }

  private static @Nullable JobId jobOf(Event event) {
    return switch (event) {
      case Event.Started running -> running.job();
      case Event.Output output -> output.job();
      case Event.Gap gap -> gap.job();
      case Event.StdinAck ack -> ack.job();
      case Event.StdinClosed closed -> closed.job();
      case Event.Exited status -> status.job();
      case Event.Resized resized -> resized.job();
      case Event.Ended(End how, _) -> how.job();
      default -> null;
    };
  }

  private @Nullable String misplaced(Event.Started running) {
    OptionalLong place =
        begun != null
            ? OptionalLong.of(tally.next())
            : opening instanceof Request.Attach attach ? attach.from() : OptionalLong.of(0);
    return place.isPresent() && running.next() != place.getAsLong()
        ? "began output at offset " + running.next() + " instead of " + place.getAsLong()
        : null;
  }

  private boolean differs(@Nullable ExitStatus status) {
    return exited != null && !exited.equals(status);
  }

  private @Nullable String contradiction(End how) {
    boolean ran = how.outcome() == Outcome.EXITED || how.outcome() == Outcome.SIGNALED;
    // One that an earlier life of the node left may have no record of its start.
    boolean unrecorded = opening instanceof Request.Attach && how.startedAt() == null;
    if (ran && begun == null && !unrecorded) {
      return "told of an end and of no start";
    }
    if (how.outcome() == Outcome.START_FAILED && begun != null) {
      return "told of a start, and then that it failed";
    }
    return differs(how.status()) ? "told of two ways in which the command ended" : null;
  }

  private void start(Event.Started running) {
    stdin.await(running.stdinWindow());
    if (begun == null) {
      begun = running;
      tally.begin(running.next());
      acked = running.next();
      started.complete(new JobHandle(this, running));
    }
  }

  private void take(Event.Output piece, byte[] body) {
    String wrong = tally.add(piece, body);
    long unread = output.unconsumedBytes() + body.length;
    if (wrong == null && unread > maxUnreadBytes) {
      wrong =
          "the node sent more than its credit: %d bytes are unread (limit: %d)"
              .formatted(unread, maxUnreadBytes);
    }
    if (wrong != null) {
      fail(new CommandException.Damaged(wrong));
    } else if (body.length > 0) {
      // What is empty takes up no credit, and would be kept all the same.
      output.add(new JobOutput(piece.stream(), piece.offset(), Buffer.buffer(body)));
      watchUnread();
    }
  }

  // A command that waits because one stream is read to its end before the other would do so in
  // silence for ever. It is the contract, and rarely what was meant.
  private void watchUnread() {
    if (unread == UnreadWatch.OFF && output.unconsumedBytes() >= window / 2) {
      unread = UnreadWatch.ON;
      long came = tally.next();
      long waits = output.unconsumedBytes();
      var _ =
          context
              .owner()
              .setTimer(
                  UNREAD.toMillis(), _ -> context.runOnContext(_ -> lookAtUnread(came, waits)));
    }
  }

  private void lookAtUnread(long came, long waits) {
    unread = UnreadWatch.OFF;
    if (over || begun == null) {
      return;
    }
    if (tally.next() != came || output.unconsumedBytes() != waits) {
      watchUnread();
      return;
    }
    unread = UnreadWatch.TOLD;
    LOG.warn(
        "output unread, and the command waits job={} stdout_bytes={} stderr_bytes={} seconds={}"
            + " (read both at once, or output(), or say discardOutput())",
        begun.job(),
        output.unconsumedBytes(Stream.STDOUT),
        output.unconsumedBytes(Stream.STDERR),
        UNREAD.toSeconds());
  }

  private void take(Event.Gap gap) {
    if (gapHandler == null) {
      fail(new CommandException.Damaged("output lost: from " + gap.from() + " to " + gap.to()));
      return;
    }
    tally.skip(gap.to());
    gapHandler.handle(gap);
  }

  private void finish(End how) {
    String wrong = tally.damage(how);
    if (wrong != null) {
      fail(new CommandException.Damaged(wrong));
      return;
    }
    over = true;
    line.close();
    stdin.fail(new IOException("the job has ended"));
    started.completeExceptionally(whyNotStarted(how));
    output.end(null);
    end.complete(how);
  }

  // One that was lost was started, and may have done something.
  private static CommandException whyNotStarted(End how) {
    return how.outcome() == Outcome.LOST
        ? new CommandException.OutcomeUnknown("the node lost the job: how it ended is not known")
        : new CommandException.StartFailed(how);
  }

  // A node that shuts down refuses what it had accepted.
  private CommandException meaning(Event.Failed failed) {
    CommandException.Refused refused = new CommandException.Refused(failed);
    return begun == null
        ? refused
        : new CommandException.NodeLost(
            "the job's end is not known: " + refused.getMessage(), refused);
  }

  /**
   * The truth about the job can't be had any more. One that we ran ends, unless it was to outlive
   * us. Idempotent.
   */
  public void fail(CommandException why) {
    if (over) {
      return;
    }
    if (opening instanceof Request.Run run
        && begun != null
        && run.spec().lasting().linger().isZero()) {
      end(why);
      line.abandon(begun.job());
    } else {
      giveUp(why);
    }
  }

  /** We have no use for the job any more: a runner's ends, whatever its linger. Idempotent. */
  void stop(String why, @Nullable Throwable cause) {
    if (over) {
      return;
    }
    boolean ours =
        opening instanceof Request.Run
            || (opening instanceof Request.Attach attach && attach.role() == Role.RUNNER);
    CommandException left =
        new CommandException.Detached((ours ? "canceled: " : "left: ") + why, cause);
    if (ours && begun != null) {
      end(left);
      line.abandon(begun.job());
    } else {
      giveUp(left);
    }
  }

  /** The same, but the job goes its way. Idempotent. */
  public void giveUp(CommandException why) {
    if (!over) {
      end(why);
      line.close();
    }
  }

  private void end(CommandException why) {
    over = true;
    stdin.fail(why);
    output.end(why);
    started.completeExceptionally(why);
    end.completeExceptionally(why);
  }

  // Not for every line: a quarter of the window at a time, and whatever there is when it is all.
  private void consumed(long offset) {
    if (!over && (offset == tally.next() || offset - acked >= ackBytes)) {
      acked = offset;
      line.send(new Request.Ack(null, offset));
    }
  }

  private void sendStdin(long offset, Buffer bytes, StdinStream.Eof eof) {
    if (!over && begun != null) {
      line.send(
          new Request.Stdin(begun.job(), offset, bytes.getBytes(), eof == StdinStream.Eof.YES));
    }
  }

  Future<JobState> detach() {
    return ask(new Request.Detach(null));
  }

  Future<JobState> ask(Request request) {
    return line.ask(request).map(JobSession::state);
  }

  static JobState state(Event answer) {
    if (answer instanceof Event.Ok(JobState state)) {
      return state;
    }
    throw new CommandException.Damaged("the node's answer is no state: " + answer);
  }

  Future<JobStatus> status(JobId job) {
    return line.ask(new Request.Status(job)).map(JobSession::status);
  }

  private static JobStatus status(Event answer) {
    if (answer instanceof Event.Status(JobStatus status)) {
      return status;
    }
    throw new CommandException.Damaged("the node's answer is no status: " + answer);
  }
}
