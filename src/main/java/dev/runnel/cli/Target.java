package dev.runnel.cli;

import dev.runnel.model.Request;
import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Which server, and how it is reached.
 *
 * @param host null: the default one
 * @param named what the user calls it in config.yaml; null: nothing
 * @param patience how long to try again while nobody listens there, or while it takes nobody; null:
 *     try once
 * @param defaults what a command gets there
 * @param details where it is told what is done to reach it; null: nowhere
 */
record Target(
    @Nullable Host host,
    @Nullable String named,
    @Nullable String token,
    Duration connectTimeout,
    @Nullable Duration patience,
    Defaults defaults,
    @Nullable OutputDescriptor details) {

  /**
   * What config.yaml says of a command on a host, where the command line says nothing else.
   *
   * @param user null: the server's
   * @param cwd null: the server's
   * @param linger null: the usual one
   */
  record Defaults(
      @Nullable String user,
      @Nullable String cwd,
      @Nullable Duration linger,
      Map<String, String> env) {
    static final Defaults NONE = new Defaults(null, null, null, Map.of());
  }

  /** Says on the way what is done to reach it, if that was asked for. */
  void detail(String line) {
    if (details != null) {
      details.tryPrintLine(line);
    }
  }

  /** The same at another address. */
  Target at(Host other) {
    return new Target(other, named, token, connectTimeout, patience, defaults, details);
  }

  /** Who we are. */
  Request.Hello hello() {
    return hello(null);
  }

  /**
   * Who we are, and how often the server is to ask for a sign of life.
   *
   * @param heartbeat null: never
   */
  Request.Hello hello(@Nullable Duration heartbeat) {
    return new Request.Hello(1, token, heartbeat);
  }
}
