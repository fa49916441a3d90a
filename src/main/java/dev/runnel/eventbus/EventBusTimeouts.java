package dev.runnel.eventbus;

import java.time.Duration;

/**
 * How patient a node is with consumers on the event bus.
 *
 * @param quiet how long it says nothing at most
 * @param receipt within which a consumer that is there answers a message
 * @param drain how long consumers may still read when the node goes
 */
record EventBusTimeouts(Duration quiet, Duration receipt, Duration drain) {
  static final EventBusTimeouts DEFAULT =
      new EventBusTimeouts(Duration.ofSeconds(5), Duration.ofSeconds(10), Duration.ofSeconds(5));
}
