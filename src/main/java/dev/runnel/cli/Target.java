package dev.runnel.cli;

import dev.runnel.model.Request;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Which server, and how it is reached.
 *
 * @param host null: the default one
 * @param named what the user calls it in config.yaml; null: nothing
 * @param patience how long to try again while nobody listens there; null: try once
 */
record Target(
    @Nullable Host host,
    @Nullable String named,
    @Nullable String token,
    Duration connectTimeout,
    @Nullable Duration patience) {

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
