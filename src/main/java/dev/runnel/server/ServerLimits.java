package dev.runnel.server;

import java.time.Duration;

/**
 * What connections may take up.
 *
 * @param maxConnections of all listeners together
 * @param maxRequests in flight on a connection
 * @param maxJobs in flight on a connection
 * @param maxUnsentBytes of output handed to the transport ahead of time, on a connection
 * @param maxUnreadBytes of other answers; beyond it the peer is not read until it reads
 * @param firstFrame how long a connection may take for its first frame
 * @param frame how long any frame may take from its first byte
 */
public record ServerLimits(
    int maxConnections,
    int maxRequests,
    int maxJobs,
    int maxUnsentBytes,
    int maxUnreadBytes,
    Duration firstFrame,
    Duration frame) {
  public static final ServerLimits DEFAULT =
      new ServerLimits(
          20_000, 256, 256, 256 * 1024, 256 * 1024, Duration.ofSeconds(30), Duration.ofSeconds(30));

  /** The same with at most that time for the first frame. */
  ServerLimits withFirstFrameWithin(Duration most) {
    return firstFrame.compareTo(most) <= 0
        ? this
        : new ServerLimits(
            maxConnections, maxRequests, maxJobs, maxUnsentBytes, maxUnreadBytes, most, frame);
  }
}
