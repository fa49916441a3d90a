package dev.runnel.cli;

import dev.runnel.wire.RuntimeFolder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The server of this user on this machine, which listens where nobody had to say. */
final class DefaultServer {
  private DefaultServer() {}

  /** Its address, or null: there is no socket that can be trusted. */
  static @Nullable Host find(Map<String, String> env) {
    Path socket = RuntimeFolder.defaultSocket(env);
    return Files.exists(socket) && RuntimeFolder.isOurs(socket) ? new Host.Unix(socket) : null;
  }

  /** A connection to it, or null: nobody is there. */
  static @Nullable Connection tryConnect(Map<String, String> env, Duration timeout) {
    Host host = find(env);
    try {
      return host == null ? null : Connector.connect(host, timeout, null);
    } catch (Failure _) {
      // What an earlier server left.
      return null;
    }
  }

  static Failure missing(Map<String, String> env) {
    return Failure.of(
        "no server runs on this machine (at "
            + RuntimeFolder.defaultSocket(env)
            + "): start one with runnel serve, or name one with -H");
  }
}
