package dev.runnel.client;

import dev.runnel.commands.CommandException;
import dev.runnel.model.Event;
import dev.runnel.model.JobStatus;
import dev.runnel.model.Request;
import dev.runnel.wire.EventDecoder;
import dev.runnel.wire.ProtocolException;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.net.NetClient;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One question to a node, over a connection of its own. On one context. */
final class Inquiry implements Connection.Peer {
  private static final String ID = "ask";

  private final ClientOptions options;
  private final Promise<List<JobStatus>> answer = Promise.promise();
  private final List<JobStatus> statuses = new ArrayList<>();
  private @Nullable Connection connection;

  private Inquiry(ClientOptions options) {
    this.options = options;
  }

  /** Asks for a status, or for several. Done on that context. */
  static Future<List<JobStatus>> ask(
      Context context, NetClient net, ClientOptions options, Request request) {
    Inquiry inquiry = new Inquiry(options);
    context.runOnContext(_ -> inquiry.begin(context, net, request));
    return Future.fromCompletionStage(inquiry.answer.future().toCompletionStage(), context);
  }

  private void begin(Context context, NetClient net, Request request) {
    Connection.open(context, net, options, this)
        .onComplete(
            made -> {
              connection = made;
              made.open(ID, request);
            },
            answer::tryFail);
  }

  @Override
  public void take(@Nullable String id, Event event, byte[] body) {
    try {
      switch (event) {
        case Event.Status(JobStatus status) -> {
          statuses.add(status);
          finish();
        }
        case Event.JobsPart _ -> statuses.addAll(EventDecoder.decodeStatuses(body));
        case Event.JobsEnd _ -> {
          statuses.addAll(EventDecoder.decodeStatuses(body));
          finish();
        }
        case Event.Failed failed -> fail(new CommandException(failed));
        case Event.Interim _, Event.Final _ -> {}
      }
    } catch (ProtocolException e) {
      fail(new CommandException(options.name() + " sent no list: " + e.getMessage()));
    }
  }

  private void finish() {
    close();
    answer.tryComplete(statuses);
  }

  private void fail(CommandException why) {
    close();
    answer.tryFail(why);
  }

  private void close() {
    if (connection != null) {
      connection.close();
    }
  }

  @Override
  public void lost(String why) {
    fail(new CommandException("connection to " + options.name() + " lost: " + why));
  }

  @Override
  public void garbled(CommandException why) {
    fail(why);
  }
}
