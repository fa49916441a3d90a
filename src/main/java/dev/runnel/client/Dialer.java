package dev.runnel.client;

import dev.runnel.api.CommandException;
import dev.runnel.files.Listeners;
import dev.runnel.wire.vertx.NetworkReason;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.net.NetClient;
import io.vertx.core.net.NetSocket;
import io.vertx.core.net.SocketAddress;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.ClosedChannelException;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** Connects to a node, if it may have what we are about to tell it. On the calling context. */
final class Dialer {
  private Dialer() {}

  /** Failed with a {@link CommandException}. */
  static Future<NetSocket> connect(Context context, NetClient net, ClientOptions options) {
    boolean clear = options.token() != null && options.tls() == null;
    boolean isNumber = options.address().hostAddress() != null;
    if (clear && isNumber && !isOurs(options.address())) {
      return Future.failedFuture(inClear(options));
    }
    return net.connect(options.connect())
        .compose(
            socket ->
                Future.succeededFuture(socket)
                    .compose(to -> clear ? checkReceiver(context, to, options) : accept(to))
                    // Whatever the look came to, also that there was no thread for it.
                    .onFailure(_ -> socket.close()))
        .recover(e -> Future.failedFuture(unreachable(options, e)));
  }

  /**
   * Whether a first attempt that failed so may succeed later: something is there, and has no place
   * or no time at the moment.
   */
  static boolean isPassing(CommandException failure) {
    if (failure instanceof CommandException.Refused refused) {
      return refused.isRetryable();
    }
    for (Throwable cause = failure.getCause(); cause != null; cause = cause.getCause()) {
      boolean late = cause instanceof ConnectException && !isRefused(cause);
      boolean lost = cause instanceof ClosedChannelException || isReset(cause);
      if (late || lost || cause instanceof TimeoutException) {
        return true;
      }
    }
    return false;
  }

  private static boolean isRefused(Throwable e) {
    return String.valueOf(e.getMessage()).contains("refused");
  }

  private static boolean isReset(Throwable e) {
    return e instanceof IOException && String.valueOf(e.getMessage()).contains("reset");
  }

  private static Future<NetSocket> accept(NetSocket socket) {
    return Future.succeededFuture(socket);
  }

  // On loopback it may be anybody's who took the port while the server was gone.
  private static Future<NetSocket> checkReceiver(
      Context context, NetSocket socket, ClientOptions options) {
    SocketAddress there = socket.remoteAddress();
    if (!isOurs(there)) {
      return Future.failedFuture(inClear(options));
    }
    if (there.isDomainSocket()) {
      return accept(socket);
    }
    InetSocketAddress address =
        new InetSocketAddress(InetAddress.ofLiteral(there.hostAddress()), there.port());
    socket.pause();
    return context
        .<@Nullable String>executeBlocking(() -> Listeners.strangerAt(address), false)
        .compose(
            stranger -> {
              if (stranger == null) {
                socket.resume();
                return accept(socket);
              }
              return Future.failedFuture(
                  new CommandException.Unreachable(
                      "cannot reach "
                          + options.name()
                          + ": "
                          + stranger
                          + ": the token is not sent (expected: us or root, or TLS)"));
            });
  }

  private static CommandException unreachable(ClientOptions options, Throwable e) {
    return e instanceof CommandException known
        ? known
        : new CommandException.Unreachable(
            "cannot reach " + options.name() + ": " + NetworkReason.of(e), e);
  }

  // By the address that is being used: whose name it is, others may decide.
  private static CommandException inClear(ClientOptions options) {
    return new CommandException.Unreachable(
        "the token would go to " + options.name() + " in clear (expected: TLS, or no token)");
  }

  private static boolean isOurs(SocketAddress address) {
    String digits = address.hostAddress();
    return address.isDomainSocket()
        || (digits != null && InetAddress.ofLiteral(digits).isLoopbackAddress());
  }
}
