package dev.runnel.cli;

import java.net.SocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * What {@code runnel bench} is to measure.
 *
 * @param server null: one of its own
 * @param host the server, as options name it; null: one of its own
 * @param token null: it needs none
 */
public record BenchOrder(
    @Nullable SocketAddress server,
    @Nullable String host,
    @Nullable String token,
    Effort effort,
    Format format) {

  /** How long it may take. */
  public enum Effort {
    /** Some 15 seconds: the order of magnitude. */
    QUICK,
    /** 80 seconds. */
    FULL
  }

  /** What is printed. */
  public enum Format {
    TABLE,
    JSON
  }
}
