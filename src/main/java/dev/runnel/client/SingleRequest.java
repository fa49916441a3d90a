package dev.runnel.client;

import dev.runnel.api.CommandException;
import dev.runnel.model.Event;
import dev.runnel.model.JobStatus;
import dev.runnel.model.Request;
import dev.runnel.wire.EventDecoder;
import dev.runnel.wire.ProtocolException;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One question to a node, over a connection of the pool. On the connection's context. */
final class SingleRequest implements ConnectionPool.Waiter, ClientConnection.Exchange {
  private final Vertx vertx;
  private final ClientOptions options;
  private final Request request;
  private final int maxStatuses;
  private final Promise<Event> answer = Promise.promise();
  private final List<JobStatus> statuses = new ArrayList<>();
  private long patience = ClientConnection.NO_TIMER;

  private SingleRequest(Vertx vertx, ClientOptions options, Request request) {
    this.vertx = vertx;
    this.options = options;
    this.request = request;
    this.maxStatuses = request instanceof Request.Jobs jobs ? jobs.limit() : 1;
  }

  /** Done with the answer, which is no error, on that context. */
  static Future<Event> ask(LoopContext context, ConnectionPool pool, Request request) {
    return begin(context, pool, request).answered(context);
  }

  /** The same for what is answered with statuses. */
  static Future<List<JobStatus>> list(LoopContext context, ConnectionPool pool, Request request) {
    SingleRequest inquiry = begin(context, pool, request);
    return inquiry.answered(context).map(_ -> inquiry.statuses);
  }

  private static SingleRequest begin(LoopContext context, ConnectionPool pool, Request request) {
    SingleRequest inquiry = new SingleRequest(context.owner(), pool.options(), request);
    pool.find(inquiry);
    return inquiry;
  }

  private Future<Event> answered(LoopContext context) {
    return Future.fromCompletionStage(answer.future().toCompletionStage(), context.context());
  }

  @Override
  public void connected(ClientConnection connection) {
    await();
    connection.ask(request, this);
  }

  @Override
  public void unreachable(CommandException why) {
    fail(why);
  }

  // Heartbeats would tell of a network that is gone, and not everybody has them.
  private void await() {
    vertx.cancelTimer(patience);
    long millis = options.connectTimeout().toMillis();
    patience =
        vertx.setTimer(
            millis,
            _ ->
                fail(
                    new CommandException.OutcomeUnknown(
                        options.name() + " did not answer within " + millis + " ms")));
  }

  @Override
  public void take(Event event, byte[] body) {
    if (event instanceof Event.Failed failed) {
      fail(new CommandException.Refused(failed));
      return;
    }
    if (answer.future().isComplete()) {
      return;
    }
    try {
      collect(event, body);
    } catch (ProtocolException e) {
      fail(new CommandException.Damaged(options.name() + " sent no list: " + e.getMessage(), e));
      return;
    }
    int sent = statuses.size();
    if (sent > maxStatuses) {
      fail(
          new CommandException.Damaged(
              options.name() + " sent " + sent + " statuses (limit: " + maxStatuses + ")"));
    } else if (event.isFinal()) {
      vertx.cancelTimer(patience);
      answer.tryComplete(event);
    } else {
      await();
    }
  }

  private void collect(Event event, byte[] body) throws ProtocolException {
    if (event instanceof Event.Status(JobStatus status)) {
      statuses.add(status);
    } else if (event instanceof Event.JobsPart || event instanceof Event.JobsEnd) {
      statuses.addAll(EventDecoder.decodeStatuses(body));
    }
  }

  private void fail(CommandException why) {
    vertx.cancelTimer(patience);
    answer.tryFail(why);
  }

  @Override
  public void lost(String why, @Nullable CommandException fatal) {
    fail(
        new CommandException.OutcomeUnknown(
            "connection to " + options.name() + " lost: " + why, fatal));
  }
}
