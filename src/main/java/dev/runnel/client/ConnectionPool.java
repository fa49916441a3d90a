package dev.runnel.client;

import dev.runnel.api.CommandException;
import io.vertx.core.Vertx;
import io.vertx.core.net.NetClient;
import io.vertx.core.net.NetClientOptions;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The connections of one client on one event loop, which its jobs there share. Another one is made
 * when those there are full, one at a time; jobs beyond the last one's places wait their turn. On a
 * context of its own, so that it outlives the verticles that use it; {@link #acquire} and {@link
 * #find} from any thread.
 */
final class ConnectionPool implements ClientConnection.Owner {
  private static final int MAX_CONNECTIONS = 16;
  private static final Duration IDLE = Duration.ofSeconds(10);

  /** A connection that lasted so long was worth it, whatever came over it. */
  private static final long WORTH_NANOS = TimeUnit.SECONDS.toNanos(5);

  /** As long as a server waits for a peer that acknowledges nothing. */
  private static final Duration USER_TIMEOUT = Duration.ofSeconds(30);

  private final LoopContext context;
  private final ClientOptions options;
  private final List<ClientConnection> open = new ArrayList<>();
  private final ArrayDeque<Waiter> followers = new ArrayDeque<>();
  private final ArrayDeque<Waiter> askers = new ArrayDeque<>();
  private final Backoff pauses = new Backoff();
  private @Nullable NetClient net;
  private boolean connecting;
  private boolean known;
  private int wordless;
  private long leastMillis;

  /** Who needs a connection. Called on the pool's context, once for each time it asks. */
  interface Waiter {
    void connected(ClientConnection connection);

    /** There is none; asking again tries again, after a pause. */
    void unreachable(CommandException why);
  }

  private ConnectionPool(LoopContext context, ClientOptions options) {
    this.context = context;
    this.options = options;
  }

  /** On the same event loop as that context. */
  static ConnectionPool beside(LoopContext caller, ClientOptions options) {
    return new ConnectionPool(caller.beside(), options);
  }

  ClientOptions options() {
    return options;
  }

  /** Asks for a place: {@link ClientConnection#follow} takes it, {@code release} gives it back. */
  void acquire(Waiter waiter) {
    context.emit(_ -> enqueue(followers, waiter));
  }

  /** Asks for a connection, over which something short is to be asked. */
  void find(Waiter waiter) {
    context.emit(_ -> enqueue(askers, waiter));
  }

  private void enqueue(ArrayDeque<Waiter> queue, Waiter waiter) {
    queue.add(waiter);
    serve();
  }

  @Override
  public void serve() {
    for (ClientConnection connection : List.copyOf(open)) {
      while (!askers.isEmpty()) {
        askers.remove().connected(connection);
      }
      while (!followers.isEmpty() && connection.takePlace()) {
        followers.remove().connected(connection);
      }
    }
    boolean needed = !askers.isEmpty() || !followers.isEmpty();
    boolean full = open.stream().allMatch(ClientConnection::isFull);
    if (needed && full && !connecting && open.size() < MAX_CONNECTIONS) {
      connecting = true;
      long pause = Math.max(leastMillis, pauses.nextMillis());
      // Also at once: not on the stack of whoever asked.
      vertx().setTimer(Math.max(1, pause), _ -> connect());
    }
  }

  private Vertx vertx() {
    return context.owner();
  }

  private void connect() {
    leastMillis = 0;
    ClientConnection.open(context, net(), options, this)
        .onComplete(this::connected, e -> failed((CommandException) e));
  }

  private NetClient net() {
    NetClient made = net;
    if (made == null) {
      NetClientOptions transport = new NetClientOptions().setTcpKeepAlive(true);
      if (vertx().isNativeTransportEnabled()) {
        transport.setTcpUserTimeout((int) USER_TIMEOUT.toMillis());
      }
      made = vertx().createNetClient(transport);
      net = made;
    }
    return made;
  }

  private void connected(ClientConnection made) {
    connecting = false;
    known = true;
    if (made.isOpen()) {
      open.add(made);
    }
    serve();
  }

  // While others are open, those who wait get a place there sooner or later.
  private void failed(CommandException e) {
    connecting = false;
    if (e instanceof CommandException.Refused refused && refused.retryAfter() != null) {
      leastMillis = refused.retryAfter().toMillis();
    }
    wordless = ClientConnection.isWordless(e) ? wordless + 1 : 0;
    if (open.isEmpty()) {
      // A node behind TLS never says a word to who speaks in clear.
      boolean hopeless = wordless > 1 && !known && options.tls() == null;
      CommandException why = hopeless ? new CommandException.Unreachable(e.getMessage()) : e;
      List<Waiter> told = new ArrayList<>(followers);
      told.addAll(askers);
      followers.clear();
      askers.clear();
      told.forEach(waiter -> waiter.unreachable(why));
    }
    serve();
  }

  @Override
  public void progressed() {
    pauses.reset();
  }

  @Override
  public void gone(ClientConnection connection) {
    if (System.nanoTime() - connection.since() > WORTH_NANOS) {
      pauses.reset();
    }
    open.remove(connection);
  }

  @Override
  public void idle(ClientConnection connection) {
    vertx()
        .setTimer(
            IDLE.toMillis(),
            _ -> {
              if (connection.idleNanos() >= IDLE.toNanos()) {
                open.remove(connection);
                connection.close();
              }
            });
  }
}
