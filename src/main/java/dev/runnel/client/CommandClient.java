package dev.runnel.client;

import dev.runnel.api.CommandException;
import dev.runnel.api.Commands;
import dev.runnel.api.JobHandle;
import dev.runnel.model.JobId;
import dev.runnel.model.JobStatus;
import dev.runnel.model.Request;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.net.NetClient;
import io.vertx.core.net.NetClientOptions;
import java.time.Duration;
import java.util.List;

/**
 * Runs commands on a node over the network, or over a Unix socket of this machine. Each job has a
 * connection of its own, which is open for as long as it is followed, and is made anew when it is
 * lost: output and stdin go on where they were. There is nothing to close.
 *
 * <p>A cut is not told of unless it lasts longer than {@link ClientOptions#linger}; what is asked
 * of a job meanwhile, such as a signal, fails.
 */
public final class CommandClient implements Commands {
  /** As long as a server waits for a peer that acknowledges nothing. */
  private static final Duration USER_TIMEOUT = Duration.ofSeconds(30);

  private final Vertx vertx;
  private final NetClient net;
  private final ClientOptions options;

  private CommandClient(Vertx vertx, ClientOptions options) {
    this.vertx = vertx;
    this.options = options;
    NetClientOptions transport = new NetClientOptions().setTcpKeepAlive(true);
    if (vertx.isNativeTransportEnabled()) {
      transport.setTcpUserTimeout((int) USER_TIMEOUT.toMillis());
    }
    this.net = vertx.createNetClient(transport);
  }

  /** The node that the options lead to; nothing is connected yet. */
  public static CommandClient of(Vertx vertx, ClientOptions options) {
    return new CommandClient(vertx, options);
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
    return new ResumingTransport(vertx.getOrCreateContext(), net, options, opening).started();
  }

  @Override
  public Future<JobStatus> status(JobId job) {
    return ask(new Request.Status(job))
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
    return ask(which);
  }

  private Future<List<JobStatus>> ask(Request request) {
    return SingleRequest.list(vertx.getOrCreateContext(), net, options, request);
  }
}
