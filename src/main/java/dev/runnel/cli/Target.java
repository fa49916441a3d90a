package dev.runnel.cli;

import dev.runnel.model.Request;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Which server, and how it is reached.
 *
 * @param host null: the default one
 * @param named what the user calls it in config.yaml; null: nothing
 * @param patience how long to try again while nobody listens there, or while it takes nobody; null:
 *     try once
 * @param details where it is told what is done to reach it; null: nowhere
 */
record Target(
    @Nullable Host host,
    @Nullable String named,
    @Nullable String token,
    Duration connectTimeout,
    @Nullable Duration patience,
    @Nullable OutputDescriptor details) {

  /** Says on the way what is done to reach it, if that was asked for. */
  void detail(String line) {
    if (details != null) {
      details.tryPrintLine(line);
    }
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
