package dev.runnel.server.seed;

import dev.runnel.job.Job;
import dev.runnel.job.RejectedException;
import dev.runnel.model.Caller;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.JobSpec;
import dev.runnel.model.Request;
import dev.runnel.server.InboundBytes;
import dev.runnel.server.ServerContext;
import dev.runnel.service.JobLogLine;
import dev.runnel.service.StartCommand;
import io.vertx.core.Context;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.net.NetSocket;
import java.util.ArrayDeque;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A connection of one who reads no errors: what can't be answered in full closes it. It runs one
 * command at a time and starts the next when the transport took the last answer. On its event loop.
 */
final class SeedConnection {
  /** What the original reads at a time, and so the longest command. */
  static final int MAX_COMMAND_BYTES = 1_024;

  /** Commands that came before their time. */
  static final int MAX_QUEUED = 16;

  private static final Logger LOG = LoggerFactory.getLogger(SeedConnection.class);
  private static final String PRINCIPAL = "anonymous";
  private static final long NONE = -1;

  private final ServerContext room;
  private final SeedMemory memory;
  private final Context context;
  private final NetSocket socket;
  private final Consumer<SeedConnection> onClosed;

  private final ArrayDeque<Buffer> queued = new ArrayDeque<>();
  private @Nullable SeedSubscriber follower;
  private @Nullable SeedAnswer sending;
  private final InboundBytes.Hold held;
  private long stallTimer = NONE;
  private boolean first = true;
  private boolean closing;

  SeedConnection(
      ServerContext room,
      SeedMemory memory,
      Context context,
      NetSocket socket,
      Consumer<SeedConnection> onClosed) {
    this.room = room;
    this.memory = memory;
    this.context = context;
    this.socket = socket;
    this.onClosed = onClosed;
    this.held = room.frames().new Hold(() -> execute(this::giveUp));
  }

  /** Begins to read. */
  void open() {
    socket.handler(bytes -> guard(() -> received(bytes)));
    socket.closeHandler(_ -> closed());
    socket.exceptionHandler(
        e -> LOG.debug("seed connection failed peer={} cause={}", peer(), e.toString()));
  }

  void close() {
    var _ = socket.close();
  }

  /** Closes, for a reason that only the log is told. */
  void end(String reason) {
    if (!closing) {
      LOG.info("seed connection ended peer={} reason={}", peer(), reason);
      leave();
      close();
    }
  }

  /** Runs a task on the connection's event loop. Any thread. */
  void execute(Runnable task) {
    context.runOnContext(_ -> guard(task));
  }

  /** Sends the answer, which is closed then, and goes on to the next command. */
  void answer(SeedAnswer answer) {
    follower = null;
    sending = answer;
    sendNext();
  }

  private Object peer() {
    return socket.remoteAddress();
  }

  private void received(Buffer bytes) {
    if (closing) {
      return;
    }
    if (first && HttpRequest.begins(bytes)) {
      end("an HTTP request");
      return;
    }
    first = false;
    for (int at = 0; at < bytes.length(); at += MAX_COMMAND_BYTES) {
      queued.add(bytes.slice(at, Math.min(bytes.length(), at + MAX_COMMAND_BYTES)));
    }
    if (queued.size() > MAX_QUEUED) {
      end("commands that wait: limit: " + MAX_QUEUED);
      return;
    }
    runNext();
    hold();
  }

  // What waits counts among the frames of all connections that are not whole.
  private void hold() {
    long bytes = queued.stream().mapToLong(Buffer::length).sum();
    if (!closing && !held.set(PRINCIPAL, socket.remoteAddress().hostAddress(), bytes)) {
      giveUp();
    }
  }

  private void giveUp() {
    end("commands that wait, of all connections: limit: " + room.frames().limitBytes() + " bytes");
  }

  private void runNext() {
    Buffer next = follower == null && sending == null ? queued.poll() : null;
    if (next == null) {
      return;
    }
    hold();
    if (closing) {
      return;
    }
    try {
      run(ShellLine.decode(next));
    } catch (RejectedException e) {
      end(e.getMessage());
    }
  }

  private void run(String line) throws RejectedException {
    JobSpec spec = JobSpec.of(CommandSpec.of("/bin/sh", "-c", line));
    Caller caller = new Caller(PRINCIPAL, socket.remoteAddress().hostAddress(), Caller.Via.SEED);
    StartCommand start = room.gate().register(caller, new Request.Run(null, spec));
    Job job = start.job();
    follower = new SeedSubscriber(this, job, room.gate().node(), memory);
    JobLogLine.about(job, LOG.atDebug()).log("job registered peer={}", peer());
    room.gate().start(start);
  }

  // One piece at a time: what a slow client makes us hold is its answer, and nothing twice.
  private void sendNext() {
    SeedAnswer answer = sending;
    if (closing || answer == null) {
      return;
    }
    Buffer piece = answer.next();
    if (piece == null) {
      answer.close();
      sending = null;
      runNext();
      return;
    }
    awaitTaking();
    // Not here and now, where it may be called already: a large answer would overflow the stack.
    socket.write(piece).onSuccess(_ -> execute(this::taken));
  }

  private void taken() {
    stopTimer();
    sendNext();
  }

  private void awaitTaking() {
    long millis = room.limits().frame().toMillis();
    stallTimer =
        context
            .owner()
            .setTimer(millis, _ -> end("answer: a piece not taken after " + millis + " ms"));
  }

  private void stopTimer() {
    if (stallTimer != NONE) {
      context.owner().cancelTimer(stallTimer);
      stallTimer = NONE;
    }
  }

  private void guard(Runnable task) {
    try {
      task.run();
    } catch (RuntimeException | Error e) {
      LOG.error("seed connection broken peer={}", peer(), e);
      close();
    }
  }

  private void closed() {
    LOG.debug("seed connection closed peer={}", peer());
    leave();
    onClosed.accept(this);
  }

  private void leave() {
    closing = true;
    stopTimer();
    queued.clear();
    held.release();
    if (follower != null) {
      follower.leave();
      follower = null;
    }
    if (sending != null) {
      sending.close();
      sending = null;
    }
  }
}
