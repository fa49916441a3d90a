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
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.MessageConsumer;
import io.vertx.core.net.NetClient;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A follower's way over a connection of its own, or over as many as it takes. On the follower's
 * context. PROTOCOL.md, "Flow".
 */
final class ResumingTransport implements JobTransport, ClientConnection.Peer {
  /** Vert.x counts from 0: that is somebody's. */
  static final long NO_TIMER = -1;

  private static final long PARTING_MILLIS = 1_000;

  private final Vertx vertx;
  private final Context context;
  private final NetClient net;
  private final ClientOptions options;
  private final FollowRequest opening;
  private final JobSession follower;
  private final Backoff pauses = new Backoff();
  private final Map<String, Promise<Event>> asked = new HashMap<>();
  private @Nullable MessageConsumer<?> undeployed;
  private @Nullable ClientConnection connection;
  private @Nullable Outage outage;
  private @Nullable String boot;
  private String follow = "";
  private long follows;
  private long asks;

  /** What the node granted with the follow that is on, at most the opening's window. */
  private long credit;

  /** Whether a node may have heard of the opening. */
  private boolean sent;

  private boolean closed;
  private long parting = NO_TIMER;

  ResumingTransport(Context context, NetClient net, ClientOptions options, FollowRequest opening) {
    this.vertx = context.owner();
    this.context = context;
    this.net = net;
    this.options = options;
    this.opening = opening;
    this.follower = new JobSession(context, this, opening.asked(), opening.window());
    context.runOnContext(_ -> begin());
  }

  Future<JobHandle> started() {
    return follower.started();
  }

  private void begin() {
    // Of a context's end nobody is told but consumers on the event bus.
    undeployed = vertx.eventBus().localConsumer("runnel.client." + UUID.randomUUID(), _ -> {});
    undeployed.endHandler(_ -> follower.fail(new CommandException.Detached("the verticle was undeployed")));
    ClientConnection.open(context, net, options, this)
        .onComplete(this::connected, e -> follower.fail((CommandException) e));
  }

  private void connected(ClientConnection made) {
    if (closed) {
      made.close();
      return;
    }
    connection = made;
    try {
      follow(request());
    } catch (IllegalArgumentException e) {
      follower.fail(tooLarge(e));
    }
  }

  private Request request() {
    Event.Started begun = follower.begun();
    credit = opening.window();
    if (begun == null) {
      return sent ? opening.again(boot) : opening.request();
    }
    return from(begun);
  }

  // What came and was not consumed yet counts against the window: or cuts would fill our memory.
  private Request from(Event.Started begun) {
    long free = opening.window() - follower.unconsumedBytes();
    credit = Math.max(JobSpec.MIN_WINDOW, free);
    return opening.from(begun, follower.next(), credit);
  }

  private void follow(Request request) {
    ClientConnection now = connection;
    if (now != null) {
      boolean first = !now.isOpened();
      follows++;
      follow = "follow" + follows;
      sent = true;
      if (first) {
        now.open(follow, request);
      } else {
        now.send(follow, request);
      }
    }
  }

  @Override
  public void take(@Nullable String id, Event event, byte[] body) {
    Promise<Event> answer = id == null ? null : asked.remove(id);
    if (answer != null) {
      answer(answer, event);
      if (closed && asked.isEmpty()) {
        disconnect("the job is followed no longer");
      }
    } else if (event instanceof Event.Hello hello) {
      greet(hello);
    } else if (event instanceof Event.Failed failed && (!isStray(id) || failed.closes())) {
      refuse(failed);
    } else if (follow.equals(id)) {
      Outage now = outage;
      if (now != null && !now.isOver()) {
        now.end();
        pauses.connected();
      }
      follower.take(event, body);
    }
  }

  private boolean isCut() {
    return outage != null && !outage.isOver();
  }

  // An answer to a follow that we replaced ourselves.
  private boolean isStray(@Nullable String id) {
    return id != null && !id.equals(follow) && !id.equals(ClientConnection.HELLO);
  }

  private static void answer(Promise<Event> answer, Event event) {
    if (event instanceof Event.Failed failed) {
      answer.fail(new CommandException.Refused(failed));
    } else {
      answer.complete(event);
    }
  }

  private void greet(Event.Hello hello) {
    if (boot == null) {
      boot = hello.boot();
    } else if (!boot.equals(hello.boot())) {
      follower.giveUp(restarted());
    }
  }

  private void refuse(Event.Failed failed) {
    ErrorCode code = failed.code();
    if (options.resumes() && isPassing(code)) {
      sent &= boot != null || !code.isTurnedAway();
      disconnect("the connection was refused");
      lost(code.wireName() + ": " + failed.message());
    } else if (isCut() && code == ErrorCode.STALE) {
      follower.giveUp(restarted());
    } else if (isCut() && code == ErrorCode.UNKNOWN_JOB) {
      follower.giveUp(forgotten());
    } else {
      follower.take(failed, new byte[0]);
    }
  }

  private boolean isPassing(ErrorCode code) {
    return switch (code) {
      case TOO_SLOW -> true;
      case TOO_MANY_CONNECTIONS, TOO_MANY_FAILURES -> isCut() || boot == null;
      case BUSY, UNAVAILABLE -> isCut();
      default -> false;
    };
  }

  @Override
  public void garbled(CommandException why) {
    disconnect("the connection is of no use");
    follower.fail(why);
  }

  @Override
  public void lost(String why) {
    disconnect("the connection was lost before the answer");
    if (closed) {
      return;
    }
    if (!options.resumes()) {
      follower.fail(lostFor(why));
      return;
    }
    Outage last = outage;
    Outage now = last;
    if (now == null || now.isOver()) {
      boolean anew = pauses.lost(follower.reached());
      now = anew || last == null ? new Outage(options.linger(), why) : last.goOn(why);
      outage = now;
    }
    retry(now);
  }

  private void retry(Outage now) {
    if (now.isTooLong()) {
      follower.fail(lostFor(now.why()));
    } else if (follower.unconsumedBytes() > 2 * opening.window()) {
      follower.fail(
          lostFor("cut too often while " + follower.unconsumedBytes() + " bytes were unread"));
    } else {
      // Also at once: not on the stack of what came last.
      vertx.setTimer(Math.max(1, pauses.nextMillis(now.leftMillis())), _ -> reconnect(now));
    }
  }

  private void reconnect(Outage now) {
    if (!closed) {
      ClientConnection.open(context, net, options, this)
          .onComplete(
              this::connected,
              e -> {
                now.note(String.valueOf(e.getMessage()));
                retry(now);
              });
    }
  }

  private static CommandException tooLarge(IllegalArgumentException e) {
    return new CommandException.Refused(
        new Event.Failed(ErrorCode.BAD_REQUEST, String.valueOf(e.getMessage()), null), e);
  }

  private CommandException lostFor(String why) {
    String lost = "connection to " + options.name() + " lost ";
    return follower.begun() == null
        ? new CommandException.OutcomeUnknown(
            lost + "without an answer; whether the command ran is not known: " + why)
        : new CommandException.NodeLost(
            lost + "at offset " + follower.next() + "; the job's end is not known: " + why);
  }

  private CommandException forgotten() {
    return follower.begun() == null
        ? new CommandException.OutcomeUnknown(
            options.name() + " was lost before it answered; whether the command ran is not known")
        : new CommandException.NodeLost(
            options.name() + " does not know the job any more; its end is not known");
  }

  private CommandException restarted() {
    return new CommandException.NodeLost(
        options.name() + " was started anew; what became of the job is not known");
  }

  @Override
  public void send(Request.Notice notice) {
    if (connection == null) {
      return; // Over the next one it is said anew: by where we go on from, and by stdin again.
    }
    if (notice instanceof Request.Ack(_, long offset)) {
      connection.send(null, new Request.Ack(follow, offset));
      restoreCredit();
    } else {
      connection.send(null, notice);
    }
  }

  private void restoreCredit() {
    Event.Started begun = follower.begun();
    boolean small = credit < opening.window() / 2;
    if (small && begun != null && follower.unconsumedBytes() <= opening.window() / 4) {
      follow(from(begun));
    }
  }

  @Override
  public Future<Event> ask(Request request) {
    if (closed) {
      return SingleRequest.ask(context, net, options, request);
    }
    if (connection == null) {
      return Future.failedFuture(
          new CommandException.Unreachable("there is no connection to " + options.name() + " at present"));
    }
    Promise<Event> answer = Promise.promise();
    String id = "ask" + asks++;
    asked.put(id, answer);
    connection.send(id, request instanceof Request.Detach ? new Request.Detach(follow) : request);
    return answer.future();
  }

  // Closing at once could take a request back: a connection closed with answers unread is reset.
  @Override
  public void close() {
    closed = true;
    if (undeployed != null) {
      var _ = undeployed.unregister();
    }
    if (asked.isEmpty()) {
      disconnect("the job is followed no longer");
    } else {
      parting = vertx.setTimer(PARTING_MILLIS, _ -> disconnect("no answer came"));
    }
  }

  @Override
  public void abandon(JobId job) {
    var _ = ask(new Request.Cancel(job));
    close();
  }

  private void disconnect(String why) {
    vertx.cancelTimer(parting);
    ClientConnection last = connection;
    connection = null;
    if (last != null) {
      last.close();
    }
    List<Promise<Event>> unanswered = new ArrayList<>(asked.values());
    asked.clear();
    unanswered.forEach(answer -> answer.tryFail(new CommandException.OutcomeUnknown(why)));
  }
}
