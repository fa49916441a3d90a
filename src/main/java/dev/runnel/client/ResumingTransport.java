package dev.runnel.client;

import dev.runnel.api.CommandException;
import dev.runnel.api.JobHandle;
import dev.runnel.api.JobSession;
import dev.runnel.api.JobTransport;
import dev.runnel.model.ErrorCode;
import dev.runnel.model.Event;
import dev.runnel.model.JobId;
import dev.runnel.model.JobSpec;
import dev.runnel.model.Request;
import dev.runnel.wire.RequestEncoder;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.eventbus.MessageConsumer;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A follower's way over a connection that it shares, or over as many as it takes. On the follower's
 * context. PROTOCOL.md, "Flow".
 */
final class ResumingTransport implements JobTransport, ConnectionPool.Waiter {
  /** What is followed for longer was worth it, whatever came. */
  private static final long WORTH_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final LoopContext context;
  private final ConnectionPool pool;
  private final ClientOptions options;
  private final FollowRequest opening;
  private final JobSession follower;
  private final Backoff pauses = new Backoff();
  private @Nullable MessageConsumer<?> undeployed;
  private @Nullable Follow follow;
  private @Nullable Outage outage;
  private @Nullable String boot;
  private long followedSince;
  private long reached;

  /** What the node granted with the follow that is on, at most the opening's window. */
  private long credit;

  /** Whether the opening was sent: until then nothing can have run. */
  private boolean sent;

  private boolean closed;

  /** One request by which the job is followed, over one connection. */
  private final class Follow implements ClientConnection.Exchange {
    final ClientConnection connection;
    final String id;

    /** Whether the job was asked for before. */
    final boolean again = sent;

    Follow(ClientConnection connection) {
      this.connection = connection;
      this.id = connection.newId("follow");
    }

    @Override
    public void take(Event event, byte[] body) {
      context.emit(_ -> ifCurrent(() -> ResumingTransport.this.take(this, event, body)));
    }

    @Override
    public void lost(String why, @Nullable CommandException fatal) {
      context.emit(
          _ ->
              ifCurrent(
                  () -> {
                    follow = null;
                    ResumingTransport.this.lost(why, fatal);
                  }));
    }

    // What comes for one that we replaced or left is nobody's.
    private void ifCurrent(Runnable task) {
      if (follow == this) {
        task.run();
      }
    }
  }

  ResumingTransport(LoopContext context, ConnectionPool pool, FollowRequest opening) {
    this.context = context;
    this.pool = pool;
    this.options = pool.options();
    this.opening = opening;
    this.follower = new JobSession(context.context(), this, opening.asked(), opening.window());
    context.context().runOnContext(_ -> begin());
  }

  Future<JobHandle> started() {
    return follower.started();
  }

  private void begin() {
    // Of a context's end nobody is told but consumers on the event bus.
    undeployed =
        context.owner().eventBus().localConsumer("runnel.client." + UUID.randomUUID(), _ -> {});
    undeployed.endHandler(
        _ -> follower.fail(new CommandException.Detached("the verticle was undeployed")));
    pool.acquire(this);
  }

  @Override
  public void connected(ClientConnection connection) {
    context.emit(_ -> begin(connection));
  }

  private void begin(ClientConnection connection) {
    if (closed) {
      connection.release();
    } else if (boot != null && !boot.equals(connection.boot()) && !connection.isOfCluster()) {
      connection.release();
      follower.giveUp(restarted());
    } else {
      // Any node of a cluster finds that life of another, or says that it is gone.
      boot = boot != null && connection.isOfCluster() ? boot : connection.boot();
      follow(connection, request(), connection::follow);
    }
  }

  private interface Way {
    void send(Request request, String id, byte[] frame, ClientConnection.Exchange exchange);
  }

  private void follow(ClientConnection connection, Request request, Way way) {
    Follow next = new Follow(connection);
    byte[] frame;
    try {
      frame = RequestEncoder.encode(next.id, request);
    } catch (IllegalArgumentException e) {
      connection.release();
      follower.fail(tooLarge(e));
      return;
    }
    follow = next;
    sent = true;
    way.send(request, next.id, frame, next);
  }

  private Request request() {
    Event.Started begun = follower.begun();
    credit = opening.window();
    if (begun == null) {
      return sent && boot != null ? opening.again(boot) : opening.request();
    }
    return from(begun);
  }

  // What came and was not consumed yet counts against the window: or cuts would fill our memory.
  private Request from(Event.Started begun) {
    long free = opening.window() - follower.unconsumedBytes();
    credit = Math.max(JobSpec.MIN_WINDOW, free);
    return opening.from(begun, follower.next(), credit);
  }

  private void take(Follow from, Event event, byte[] body) {
    if (event instanceof Event.Failed failed) {
      refuse(from, failed);
      return;
    }
    if (event.isFinal()) {
      follow = null;
    }
    Outage last = outage;
    if (last != null && !last.isOver()) {
      last.end();
      followedSince = System.nanoTime();
    }
    follower.take(event, body);
  }

  private void refuse(Follow from, Event.Failed failed) {
    follow = null;
    ErrorCode code = failed.code();
    if (from.again && (code == ErrorCode.BUSY || code == ErrorCode.UNAVAILABLE)) {
      suffer(code.wireName() + ": " + failed.message());
      goOn(pauses.nextMillis());
    } else if (from.again && code == ErrorCode.STALE) {
      follower.giveUp(restarted());
    } else if (from.again && code == ErrorCode.UNKNOWN_JOB) {
      follower.giveUp(forgotten());
    } else {
      follower.take(failed, new byte[0]);
    }
  }

  private void lost(String why, @Nullable CommandException fatal) {
    if (fatal != null || !options.resumes()) {
      follower.fail(lostFor(why, fatal));
    } else {
      suffer(why);
      goOn(0);
    }
  }

  private void suffer(String why) {
    Outage last = outage;
    if (last != null && !last.isOver()) {
      last.note(why);
      return;
    }
    boolean further = follower.reached() > reached;
    reached = Math.max(reached, follower.reached());
    if (further) {
      pauses.reset();
    }
    boolean anew = further || System.nanoTime() - followedSince > WORTH_NANOS;
    outage = last == null || anew ? new Outage(options.linger(), why) : last.goOn(why);
  }

  private void goOn(long pauseMillis) {
    Outage now = outage;
    if (now != null && now.isTooLong()) {
      follower.fail(lostFor(now.why(), null));
    } else if (follower.unconsumedBytes() > 2 * opening.window()) {
      follower.fail(
          lostFor(
              "cut too often while " + follower.unconsumedBytes() + " bytes were unread", null));
    } else if (pauseMillis == 0) {
      pool.acquire(this);
    } else {
      var _ = context.owner().setTimer(pauseMillis, _ -> context.emit(_ -> acquireIfOpen()));
    }
  }

  private void acquireIfOpen() {
    if (!closed) {
      pool.acquire(this);
    }
  }

  @Override
  public void unreachable(CommandException why) {
    context.emit(_ -> tryAgain(why));
  }

  // Nothing was done over a connection that did not come about. Before the first one nobody may be
  // there at all; afterwards somebody was.
  private void tryAgain(CommandException why) {
    boolean passing =
        options.resumes()
            && (Dialer.isPassing(why) || (sent && why instanceof CommandException.Unreachable));
    if (closed) {
      return;
    }
    if (!passing) {
      follower.fail(sent ? lostFor(why.getMessage(), why) : why);
      return;
    }
    suffer(why.getMessage());
    if (!sent && outage != null && outage.isTooLong()) {
      follower.fail(why);
    } else {
      goOn(0);
    }
  }

  private static CommandException tooLarge(IllegalArgumentException e) {
    return new CommandException.Refused(
        new Event.Failed(ErrorCode.BAD_REQUEST, String.valueOf(e.getMessage()), null), e);
  }

  private CommandException lostFor(String why, @Nullable CommandException cause) {
    String lost = "connection to " + options.name() + " lost ";
    return follower.begun() == null
        ? new CommandException.OutcomeUnknown(
            lost + "without an answer; whether the command ran is not known: " + why, cause)
        : new CommandException.NodeLost(
            lost + "at offset " + follower.next() + "; the job's end is not known: " + why, cause);
  }

  private CommandException forgotten() {
    return goneFor(" does not know the job any more; its end is not known");
  }

  private CommandException restarted() {
    return goneFor(" was started anew; what became of the job is not known");
  }

  private CommandException goneFor(String how) {
    return follower.begun() == null
        ? new CommandException.OutcomeUnknown(options.name() + how)
        : new CommandException.NodeLost(options.name() + how);
  }

  @Override
  public void send(Request.Notice notice) {
    Follow now = follow;
    if (now == null) {
      return; // Over the next one it is said anew: by where we go on from, and by stdin again.
    }
    if (notice instanceof Request.Ack(_, long offset)) {
      now.connection.send(new Request.Ack(now.id, offset));
      restoreCredit(now);
    } else {
      now.connection.send(notice);
    }
  }

  private void restoreCredit(Follow now) {
    Event.Started begun = follower.begun();
    boolean small = credit < opening.window() / 2;
    if (small && begun != null && follower.unconsumedBytes() <= opening.window() / 4) {
      follow(now.connection, from(begun), now.connection::followAgain);
    }
  }

  @Override
  public Future<Event> ask(Request request) {
    Follow now = follow;
    if (closed) {
      return SingleRequest.ask(context, pool, request);
    }
    if (now == null) {
      return Future.failedFuture(
          new CommandException.Unreachable(
              "there is no connection to " + options.name() + " at present"));
    }
    Promise<Event> answer = Promise.promise();
    now.connection.ask(
        request instanceof Request.Detach ? new Request.Detach(now.id) : request,
        new ClientConnection.Answer(
            event -> context.emit(_ -> answer(answer, event)),
            (why, fatal) -> context.emit(_ -> answer.fail(unanswered(why, fatal)))));
    return answer.future();
  }

  private static void answer(Promise<Event> answer, Event event) {
    if (event instanceof Event.Failed failed) {
      answer.fail(new CommandException.Refused(failed));
    } else {
      answer.complete(event);
    }
  }

  private static CommandException unanswered(String why, @Nullable CommandException cause) {
    return new CommandException.OutcomeUnknown(
        "the connection was lost before the answer: " + why, cause);
  }

  @Override
  public void close() {
    closed = true;
    if (undeployed != null) {
      var _ = undeployed.unregister();
    }
    Follow last = follow;
    follow = null;
    if (last != null) {
      last.connection.leave(last.id);
    }
  }

  @Override
  public void abandon(JobId job) {
    var _ = ask(new Request.Cancel(job));
    close();
  }
}
