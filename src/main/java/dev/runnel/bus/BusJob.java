package dev.runnel.bus;

import dev.runnel.model.CommandSpec;
import dev.runnel.model.End;
import dev.runnel.model.Event;
import dev.runnel.model.JobId;
import dev.runnel.model.JobSpec;
import dev.runnel.model.JobState;
import dev.runnel.model.Outcome;
import dev.runnel.model.Request;
import dev.runnel.model.Signal;
import dev.runnel.model.Stream;
import dev.runnel.wire.EventDecoder;
import dev.runnel.wire.Frame;
import dev.runnel.wire.ProtocolException;
import dev.runnel.wire.RequestEncoder;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.Message;
import io.vertx.core.eventbus.MessageConsumer;
import io.vertx.core.streams.ReadStream;
import io.vertx.core.streams.WriteStream;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * A job that a verticle runs. Everything is called, and calls back, on the context that ran it.
 *
 * <p>Output that is not read holds the command back, and no other. Whoever asks for one stream and
 * never for the other is not held back by that: of it as much is kept as a window holds, and after
 * more than that whoever still asks for it is told by its exception handler. Whoever wants no
 * output at all says so: {@link #discardOutput}.
 */
public final class BusJob {
  /** Nodes say something at least every few seconds. */
  private static final long SILENCE_MILLIS = 30_000;

  /** However large the window: on a node short of memory a log may hold no more than 64 KiB. */
  private static final long MAX_UNACKED_BYTES = 32 * 1024;

  private final Vertx vertx;
  private final Context context;
  private final String address;
  private final JobSpec spec;
  private final String follower = "runnel.follower." + UUID.randomUUID();
  private final OutputTally tally = new OutputTally();
  private final OutputSplitter output;
  private final StdinStream stdin = new StdinStream(this::sendStdin);
  private final CompletableFuture<BusJob> started = new CompletableFuture<>();
  private final CompletableFuture<End> end = new CompletableFuture<>();
  private @Nullable MessageConsumer<Object> consumer;
  private @Nullable JobId id;
  private @Nullable String nodeAddress;
  private final long ackBytes;
  private int pid;
  private long acked;
  private long watchdog;
  private boolean heard;
  private boolean over;

  BusJob(Vertx vertx, Context context, String address, JobSpec spec) {
    this.vertx = vertx;
    this.context = context;
    this.address = address;
    this.spec = spec;
    long window = BusFrame.window(spec);
    this.ackBytes = Math.min(window / 4, MAX_UNACKED_BYTES);
    this.output =
        new OutputSplitter(this::consumed, task -> context.runOnContext(_ -> task.run()), window);
  }

  /** The job's id. */
  public JobId id() {
    return known(id);
  }

  /** Where all of it is called from, and calls back. */
  public Context context() {
    return context;
  }

  /** The process's id, on its node. */
  public int pid() {
    return pid;
  }

  /** What it writes to stdout; {@code pipeTo} works. Ends after the last byte. */
  public ReadStream<Buffer> stdout() {
    return output.one(Stream.STDOUT);
  }

  /** What it writes to stderr; empty if that is merged into stdout. */
  public ReadStream<Buffer> stderr() {
    return output.one(Stream.STDERR);
  }

  /** Both streams in order of arrival, instead of one by one. */
  public ReadStream<JobOutput> output() {
    return output.both();
  }

  /**
   * Nobody wants the output that was not asked for by now: it is dropped as it comes, and holds the
   * command back no more.
   */
  public void discardOutput() {
    output.discard();
  }

  /**
   * What it reads. A write is done when the process's pipe has taken it, {@code end} when the pipe
   * is closed behind it. Beware: {@code source.pipeTo(stdin())} ends it even if the source fails,
   * as if that had been all; {@code source.pipe().endOnFailure(false).to(stdin())} does not.
   *
   * @throws IllegalStateException if the command has no stdin
   */
  public WriteStream<Buffer> stdin() {
    if (spec.command().stdin() == CommandSpec.Stdin.NULL) {
      throw new IllegalStateException("the command has no stdin: Stdin.PIPE gives it one");
    }
    return stdin;
  }

  /** Signals the job's process group. */
  public Future<JobState> signal(Signal signal) {
    return ask(new Request.SendSignal(id(), signal));
  }

  /** Ends it, with its whole tree; done when that has begun. */
  public Future<JobState> cancel() {
    return ask(new Request.Cancel(id()));
  }

  /**
   * How it ended. A nonzero exit is an end like any other. Failed with a {@link CommandException}
   * for anything that is no true end: the node is gone, or the output is not what the node counted.
   */
  public Future<End> end() {
    return Future.fromCompletionStage(end, context);
  }

  // Only when the registration is complete does the bus know where to send.
  Future<BusJob> start() {
    context.runOnContext(_ -> register());
    return Future.fromCompletionStage(started, context);
  }

  private void register() {
    watchdog = vertx.setPeriodic(SILENCE_MILLIS, _ -> watch());
    MessageConsumer<Object> registered = vertx.eventBus().consumer(follower, this::take);
    consumer = registered;
    // The node notices too, and does what it does about a lost runner.
    registered.endHandler(_ -> giveUp(new CommandException("the verticle was undeployed")));
    registered
        .completion()
        .compose(_ -> request())
        .onFailure(e -> fail(new CommandException(String.valueOf(e.getMessage()))));
  }

  private Future<Message<Object>> request() {
    byte[] encoded = RequestEncoder.encode(null, new Request.Run(null, null, spec));
    DeliveryOptions options = BusFrame.options(encoded).addHeader(BusFrame.FOLLOWER, follower);
    return vertx.eventBus().request(address, BusFrame.body(encoded), options);
  }

  // The receipt goes out first: it says that we are here, not that we have dealt with it.
  private void take(Message<Object> message) {
    heard = true;
    message.reply(null);
    if (over || !message.headers().contains(BusFrame.FRAME)) {
      return;
    }
    try {
      Frame frame = BusFrame.frame(message);
      Event event = EventDecoder.decode(frame.header());
      if (event != null) {
        take(event, frame.body());
      }
    } catch (ProtocolException e) {
      fail(new CommandException("the node sent what is no event: " + e.getMessage()));
    }
  }

  private void take(Event event, byte[] body) {
    switch (event) {
      case Event.Started running -> {
        id = running.job();
        nodeAddress = Bus.nodeAddress(address, running.boot());
        pid = running.pid();
        started.complete(this);
      }
      case Event.Output piece -> take(piece, body);
      case Event.Gap gap ->
          fail(new CommandException("output lost: from " + gap.from() + " to " + gap.to()));
      case Event.StdinAck ack -> {
        stdin.taken(ack.offset());
        if (ack.eof()) {
          stdin.closed();
        }
      }
      case Event.StdinClosed _ ->
          stdin.fail(new CommandException("the process reads its stdin no more"));
      case Event.Ended(End how, _) -> finish(how);
      case Event.Detached(var reason) ->
          fail(new CommandException("detached: " + reason.wireName()));
      case Event.Failed failed ->
          fail(new CommandException(failed.code().wireName() + ": " + failed.message()));
      case Event.Exited _, Event.Hello _, Event.Ok _, Event.Ping _, Event.Pong _ -> {}
      case Event.Status _ -> {}
      case Event.JobsPart _, Event.JobsEnd _ -> {}
    }
  }

  private void take(Event.Output piece, byte[] body) {
    String wrong = tally.add(piece, body);
    if (wrong == null) {
      output.add(new JobOutput(piece.stream(), piece.offset(), Buffer.buffer(body)));
    } else {
      fail(new CommandException(wrong));
    }
  }

  private void finish(End how) {
    String wrong = tally.damage(how);
    if (wrong != null) {
      fail(new CommandException(wrong));
      return;
    }
    close();
    stdin.fail(new CommandException("the job has ended"));
    started.completeExceptionally(new CommandException(whyNotStarted(how), how));
    output.end(null);
    end.complete(how);
  }

  private static String whyNotStarted(End how) {
    return how.outcome() == Outcome.START_FAILED && how.failure() != null
        ? how.failure().message() + " (" + how.failure().errno() + ")"
        : "the job ended before it had started: " + how.outcome().wireName();
  }

  private void fail(CommandException why) {
    if (!over && nodeAddress != null && id != null) {
      // It may run on: nobody is going to read what it writes.
      var _ = ask(new Request.Cancel(id));
    }
    giveUp(why);
  }

  private void giveUp(CommandException why) {
    if (over) {
      return;
    }
    close();
    stdin.fail(why);
    output.end(why);
    started.completeExceptionally(why);
    end.completeExceptionally(why);
  }

  private void watch() {
    if (!heard) {
      fail(new CommandException("the node is silent"));
    }
    heard = false;
  }

  private void close() {
    over = true;
    vertx.cancelTimer(watchdog);
    if (consumer != null) {
      var _ = consumer.unregister();
    }
  }

  // Not for every line: a quarter of the window at a time, and whatever there is when it is all.
  private void consumed(long offset) {
    if (!over && (offset == tally.next() || offset - acked >= ackBytes)) {
      acked = offset;
      notice(new Request.Ack(null, offset));
    }
  }

  private void sendStdin(long offset, Buffer bytes, StdinStream.Eof eof) {
    if (!over) {
      notice(new Request.Stdin(id(), offset, bytes.getBytes(), eof == StdinStream.Eof.YES));
    }
  }

  private void notice(Request.Notice notice) {
    request(notice).onFailure(e -> fail(new CommandException(String.valueOf(e.getMessage()))));
  }

  private Future<JobState> ask(Request request) {
    return request(request)
        .map(
            reply -> {
              try {
                Event event = EventDecoder.decode(BusFrame.frame(reply).header());
                if (event instanceof Event.Ok(JobState state)) {
                  return state;
                }
                throw new CommandException("the node's answer is no state: " + event);
              } catch (ProtocolException e) {
                throw new CommandException(e.getMessage());
              }
            });
  }

  private Future<Message<Object>> request(Request request) {
    byte[] encoded = RequestEncoder.encode(null, request);
    DeliveryOptions options = BusFrame.options(encoded).addHeader(BusFrame.FOLLOWER, follower);
    return vertx.eventBus().request(known(nodeAddress), BusFrame.body(encoded), options);
  }

  private static <T> T known(@Nullable T value) {
    if (value == null) {
      throw new IllegalStateException("not started");
    }
    return value;
  }
}
