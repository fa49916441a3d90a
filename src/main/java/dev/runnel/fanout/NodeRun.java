package dev.runnel.fanout;

import dev.runnel.api.CommandException;
import dev.runnel.api.JobHandle;
import dev.runnel.api.JobOutput;
import dev.runnel.cli.FanOutOrder;
import dev.runnel.cli.NodeEnd;
import dev.runnel.client.CommandClient;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.End;
import dev.runnel.model.JobSpec;
import dev.runnel.model.Signal;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.streams.ReadStream;
import io.vertx.core.streams.WriteStream;
import java.io.IOException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * The command on one node: connecting, starting, running, over. It ends exactly once, and nothing
 * it waits for is without a bound. On the fleet's event loop.
 */
final class NodeRun {
  /** The exit code of what is not known to have ended. */
  static final int UNKNOWN = 255;

  /** Beyond what the command itself was given, for a node that is busy. */
  private static final Duration SLACK = Duration.ofSeconds(30);

  private static final long NO_TIMER = -1;

  private final FanOutOrder.Node node;
  private final Owner owner;
  private final NodeOutput output;
  private final long since = System.nanoTime();
  private final boolean takesInput;
  private Stage stage = Stage.CONNECTING;
  private NodeEnd.Here here = NodeEnd.Here.NOTHING;
  private Wish wish = Wish.NONE;
  private long timer = NO_TIMER;
  private @Nullable JobHandle job;
  private @Nullable ReadStream<JobOutput> pieces;
  private long sent;
  private boolean inputEnded;

  private enum Stage {
    CONNECTING,
    STARTING,
    RUNNING,
    OVER
  }

  /** What is to be done to the job once there is one. */
  private enum Wish {
    NONE,
    INTERRUPT,
    CANCEL
  }

  /** Whom a run belongs to. */
  interface Owner {
    Vertx vertx();

    /** Our stdin; null: nobody gets it. */
    @Nullable InputSpool input();

    /** Whether no more output should be handed on. */
    boolean isFull();

    /** Its output waits until there is room. */
    void pausedFor(NodeRun run);

    void ended(NodeRun run, NodeEnd end);
  }

  NodeRun(FanOutOrder.Node node, Owner owner, NodeOutput output) {
    this.node = node;
    this.owner = owner;
    this.output = output;
    this.takesInput = node.run().spec().command().stdin() == CommandSpec.Stdin.PIPE;
  }

  String name() {
    return node.name();
  }

  NodeOutput output() {
    return output;
  }

  NodeEnd.Here here() {
    return here;
  }

  /** When it was begun, of {@link System#nanoTime}. */
  long since() {
    return since;
  }

  void start(CommandClient client) {
    String lost = node.lost();
    if (lost != null) {
      // In a later turn: an end of one may begin others.
      owner.vertx().runOnContext(_ -> fail(lost));
      return;
    }
    Duration patience = node.server().connectTimeout();
    within(patience, "was not reached within " + patience.toMillis() + " ms; nothing was run");
    client.connect().onComplete(_ -> run(client), this::notStarted);
  }

  private void within(Duration time, String complaint) {
    var _ = owner.vertx().cancelTimer(timer);
    timer = owner.vertx().setTimer(Math.max(1, time.toMillis()), _ -> fail(complaint));
  }

  private void run(CommandClient client) {
    if (stage != Stage.CONNECTING) {
      return;
    }
    stage = Stage.STARTING;
    within(
        node.server().connectTimeout().plus(SLACK),
        "did not say whether it started the command; whether it runs is not known");
    output.begin();
    client.run(node.run()).onComplete(this::started, this::notStarted);
  }

  private void notStarted(Throwable why) {
    if (why instanceof CommandException.StartFailed failed) {
      finish(failed.end());
    } else {
      fail(String.valueOf(why.getMessage()));
    }
  }

  private void started(JobHandle handle) {
    if (stage != Stage.STARTING) {
      handle.discardOutput();
      var _ = handle.cancel();
      return;
    }
    stage = Stage.RUNNING;
    job = handle;
    var _ = owner.vertx().cancelTimer(timer);
    JobSpec spec = node.run().spec();
    if (spec.timeout() != null) {
      within(
          spec.timeout().plus(spec.grace()).plus(spec.drainMax()).plus(SLACK),
          "did not end the command after its time; how it ended is not known");
    }
    ReadStream<JobOutput> stream = handle.output();
    pieces = stream;
    stream
        .endHandler(_ -> handle.end().onComplete(this::finish, this::notStarted))
        .exceptionHandler(this::notStarted)
        .handler(this::take);
    sendInput();
    switch (wish) {
      case NONE -> {}
      case INTERRUPT -> interrupt();
      case CANCEL -> cancel(here);
    }
  }

  private void take(JobOutput piece) {
    if (stage != Stage.RUNNING) {
      return;
    }
    output.take(piece.stream(), piece.bytes().getBytes());
    ReadStream<JobOutput> stream = pieces;
    if (stream != null && owner.isFull()) {
      var _ = stream.pause();
      owner.pausedFor(this);
    }
  }

  /** There is room for output again. */
  void resume() {
    if (pieces != null && stage == Stage.RUNNING) {
      var _ = pieces.resume();
    }
  }

  /** Sends what there is of our stdin and fits. */
  void sendInput() {
    InputSpool input = owner.input();
    if (input == null || job == null || !takesInput || stage != Stage.RUNNING || inputEnded) {
      return;
    }
    WriteStream<Buffer> stdin = job.stdin();
    try {
      while (!stdin.writeQueueFull()) {
        Buffer bytes = input.read(sent);
        if (bytes.length() == 0) {
          endInput(input, stdin);
          return;
        }
        sent += bytes.length();
        // What the command does not read, nobody misses.
        var _ = stdin.write(bytes);
      }
    } catch (IOException e) {
      fail("our stdin cannot be read again: " + e.getMessage());
      return;
    }
    stdin.drainHandler(_ -> sendInput());
  }

  private void endInput(InputSpool input, WriteStream<Buffer> stdin) {
    if (input.isEnd(sent) && input.failure() == null) {
      inputEnded = true;
      var _ = stdin.end();
    }
  }

  /** Ctrl-C for the command. */
  void interrupt() {
    here = NodeEnd.Here.INTERRUPTED;
    wish = wish == Wish.NONE ? Wish.INTERRUPT : wish;
    if (stage == Stage.CONNECTING) {
      over(NodeEnd.interrupted(name(), Signal.INT, "not begun: we were interrupted"));
    } else if (stage == Stage.RUNNING && job != null) {
      var _ = job.signal(Signal.INT);
    }
  }

  /** Ends the command, and does not wait for that for ever. */
  void cancel(NodeEnd.Here why) {
    here = here == NodeEnd.Here.NOTHING ? why : here;
    wish = Wish.CANCEL;
    if (stage == Stage.CONNECTING) {
      over(
          here == NodeEnd.Here.INTERRUPTED
              ? NodeEnd.interrupted(name(), Signal.INT, "not begun: we were interrupted")
              : NodeEnd.failed(name(), "not begun: another node had failed"));
    } else if (stage == Stage.RUNNING && job != null) {
      JobSpec spec = node.run().spec();
      within(
          spec.grace().plus(spec.drainMax()).plus(SLACK),
          "was canceled, and did not say how it ended");
      var _ = job.cancel();
    }
  }

  private void finish(End end) {
    over(NodeEnd.of(name(), end, here, node.run().spec().command().argv().getFirst()));
  }

  private void fail(String why) {
    JobHandle running = job;
    boolean wasRunning = stage == Stage.RUNNING;
    over(NodeEnd.failed(name(), why));
    if (wasRunning && running != null) {
      // What comes of it now is dropped, and must not hold it up.
      var _ = running.output().resume();
      var _ = running.cancel();
    }
  }

  private void over(NodeEnd end) {
    if (stage == Stage.OVER) {
      return;
    }
    stage = Stage.OVER;
    var _ = owner.vertx().cancelTimer(timer);
    owner.ended(this, end);
  }
}
