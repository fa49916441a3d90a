package dev.runnel.client;

import dev.runnel.api.CommandException;
import dev.runnel.model.Event;
import dev.runnel.model.JobStatus;
import dev.runnel.model.Request;
import dev.runnel.wire.EventDecoder;
import dev.runnel.wire.ProtocolException;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.net.NetClient;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One question to a node, over a connection of its own. On one context. */
final class SingleRequest implements ClientConnection.Peer {
  private static final String ID = "ask";

  private final Context context;
  private final ClientOptions options;
  private final int maxStatuses;
  private final Promise<Event> answer = Promise.promise();
  private final List<JobStatus> statuses = new ArrayList<>();
  private @Nullable ClientConnection connection;
  private long patience = ResumingTransport.NO_TIMER;

  private SingleRequest(Context context, ClientOptions options, Request request) {
    this.context = context;
    this.options = options;
    this.maxStatuses = request instanceof Request.Jobs jobs ? jobs.limit() : 1;
  }

  /** Done with the answer, which is no error, on that context. */
  static Future<Event> ask(Context context, NetClient net, ClientOptions options, Request request) {
    return begin(context, net, options, request).answered();
  }

  /** The same for what is answered with statuses. */
  static Future<List<JobStatus>> list(
      Context context, NetClient net, ClientOptions options, Request request) {
    SingleRequest inquiry = begin(context, net, options, request);
    return inquiry.answered().map(_ -> inquiry.statuses);
  }

  private static SingleRequest begin(
      Context context, NetClient net, ClientOptions options, Request request) {
    SingleRequest inquiry = new SingleRequest(context, options, request);
    context.runOnContext(
        _ ->
            ClientConnection.open(context, net, options, inquiry)
                .onComplete(made -> inquiry.send(made, request), inquiry.answer::tryFail));
    return inquiry;
  }

  private Future<Event> answered() {
    return Future.fromCompletionStage(answer.future().toCompletionStage(), context);
  }

  private void send(ClientConnection made, Request request) {
    connection = made;
    made.open(ID, request);
    await();
  }

  // Heartbeats would tell of a network that is gone, and not everybody has them.
  private void await() {
    Vertx vertx = context.owner();
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
  public void take(@Nullable String id, Event event, byte[] body) {
    if (event instanceof Event.Failed failed) {
      fail(new CommandException.Refused(failed));
    } else if (ID.equals(id)) {
      take(event, body);
    }
  }

  private void take(Event event, byte[] body) {
    try {
      collect(event, body);
    } catch (ProtocolException e) {
      fail(new CommandException.Damaged(options.name() + " sent no list: " + e.getMessage()));
      return;
    }
    int sent = statuses.size();
    if (sent > maxStatuses) {
      fail(
          new CommandException.Damaged(
              options.name() + " sent " + sent + " statuses (limit: " + maxStatuses + ")"));
    } else if (event.isFinal()) {
      close();
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
    close();
    answer.tryFail(why);
  }

  private void close() {
    context.owner().cancelTimer(patience);
    if (connection != null) {
      connection.close();
    }
  }

  @Override
  public void lost(String why) {
    fail(new CommandException.OutcomeUnknown("connection to " + options.name() + " lost: " + why));
  }

  @Override
  public void garbled(CommandException why) {
    fail(why);
  }
}
