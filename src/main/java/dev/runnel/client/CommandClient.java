package dev.runnel.client;

import dev.runnel.api.CommandException;
import dev.runnel.api.Commands;
import dev.runnel.api.JobHandle;
import dev.runnel.model.Event;
import dev.runnel.model.JobId;
import dev.runnel.model.JobStatus;
import dev.runnel.model.Request;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Runs commands on a node over the network, or over a Unix socket of this machine. All jobs of an
 * event loop share a connection, and another one when that is full. A connection is made when it is
 * needed, and made anew when it is lost: output and stdin go on where they were. Idle ones are
 * closed after a while; there is nothing to close.
 *
 * <p>A cut is not told of unless it lasts longer than {@link ClientOptions#linger}; what is asked
 * of a job meanwhile, such as a signal, fails.
 */
public final class CommandClient implements Commands {
  private final Vertx vertx;
  private final ClientOptions options;

  /** By event loop. */
  private final ConcurrentHashMap<Object, ConnectionPool> pools = new ConcurrentHashMap<>();

  private CommandClient(Vertx vertx, ClientOptions options) {
    this.vertx = vertx;
    this.options = options;
  }

  /** The node that the options lead to; nothing is connected yet. */
  public static CommandClient of(Vertx vertx, ClientOptions options) {
    return new CommandClient(vertx, options);
  }

  /**
   * Connects, unless there is a connection: done when the node has answered, failed when it was not
   * reached at the first attempt. What is asked for afterwards goes over that connection.
   */
  public Future<Void> connect() {
    LoopContext context = LoopContext.current(vertx);
    Promise<Void> reached = Promise.promise();
    pool(context)
        .find(
            new ConnectionPool.Waiter() {
              @Override
              public void connected(ClientConnection connection) {
                reached.tryComplete();
              }

              @Override
              public void unreachable(CommandException why) {
                reached.tryFail(why);
              }
            });
    return Future.fromCompletionStage(reached.future().toCompletionStage(), context.context());
  }

  @Override
  public Future<JobHandle> run(Request.Run run) {
    return follow(FollowRequest.of(run, options.linger()));
  }

  @Override
  public Future<JobHandle> attach(Request.Attach attach) {
    return follow(FollowRequest.of(attach));
  }

  private Future<JobHandle> follow(FollowRequest opening) {
    LoopContext context = LoopContext.current(vertx);
    return new ResumingTransport(context, pool(context), opening).started();
  }

  private ConnectionPool pool(LoopContext context) {
    return pools.computeIfAbsent(context.loop(), _ -> ConnectionPool.beside(context, options));
  }

  @Override
  public Future<JobStatus> status(JobId job) {
    return list(new Request.Status(job))
        .map(
            statuses -> {
              if (statuses.isEmpty()) {
                throw new CommandException.Damaged(options.name() + " sent no status");
              }
              return statuses.getFirst();
            });
  }

  @Override
  public Future<List<JobStatus>> jobs(Request.Jobs which) {
    return list(which);
  }

  @Override
  public Future<Event> ask(Request request) {
    LoopContext context = LoopContext.current(vertx);
    return SingleRequest.ask(context, pool(context), request);
  }

  private Future<List<JobStatus>> list(Request request) {
    LoopContext context = LoopContext.current(vertx);
    return SingleRequest.list(context, pool(context), request);
  }
}
