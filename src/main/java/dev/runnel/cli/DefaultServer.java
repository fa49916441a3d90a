package dev.runnel.cli;

import dev.runnel.files.RuntimeDirectory;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The server of this user on this machine, which listens where nobody had to say. */
final class DefaultServer {
  private DefaultServer() {}

  /** Its address, or null: there is no socket that can be trusted. */
  static @Nullable Host find(Map<String, String> env) {
    List<Path> sockets = sockets(env);
    for (Path socket : sockets) {
      // One that is alone is left to the caller, who has more to say of what is wrong with it.
      if (sockets.size() == 1 || isAnswering(socket)) {
        return new Host.Unix(socket);
      }
    }
    return sockets.isEmpty() ? null : new Host.Unix(sockets.getFirst());
  }

  /** Those that are there and can be trusted, the first one first. */
  private static List<Path> sockets(Map<String, String> env) {
    List<Path> sockets = new ArrayList<>();
    for (Path socket : RuntimeDirectory.possibleSockets(env)) {
      if (Files.exists(socket) && RuntimeDirectory.isOurs(socket)) {
        sockets.add(socket);
      }
    }
    return sockets;
  }

  private static boolean isAnswering(Path socket) {
    try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
      return channel.isConnected();
    } catch (IOException _) {
      // What an earlier server left.
      return false;
    }
  }

  /** A connection to it, or null: nobody is there. */
  static @Nullable BlockingConnection tryConnect(Map<String, String> env, Target target) {
    Host host = find(env);
    try {
      return host == null ? null : Connector.connectOnce(host, target);
    } catch (Failure e) {
      // What an earlier server left.
      target.detail(e.line());
      return null;
    }
  }

  static Failure missing(Map<String, String> env) {
    return Failure.of(
        "no server runs on this machine (at "
            + RuntimeDirectory.defaultSocket(env)
            + "): start one with runnel serve, or name one with -H");
  }
}
