package dev.runnel.server;

import dev.runnel.bus.Bus;
import dev.runnel.job.Registry;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * What the connections of a node share.
 *
 * @param connections how many there are, on all listeners
 * @param unsent of all of them together
 * @param software name and version, for {@code hello}
 */
public record ServerRoom(
    Registry registry,
    Bus bus,
    ServerLimits limits,
    AtomicInteger connections,
    Unsent unsent,
    String software) {
  /** What {@code hello} says that this server offers beyond asking and answering. */
  static final List<String> FEATURES =
      List.of(
          "run",
          "stdin",
          "window",
          "signal",
          "cancel",
          "status",
          "jobs",
          "argv_body",
          "merge",
          "leftovers");

  public static ServerRoom of(Registry registry, Bus bus, ServerLimits limits, String software) {
    return new ServerRoom(registry, bus, limits, new AtomicInteger(), new Unsent(), software);
  }
}
