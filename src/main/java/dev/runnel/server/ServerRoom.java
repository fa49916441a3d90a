package dev.runnel.server;

import dev.runnel.bus.Gate;
import dev.runnel.security.Strangers;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/**
 * What the connections of a node share.
 *
 * @param strangers those of their peers that are not known yet
 * @param connections how many there are, on all listeners
 * @param unsent of all of them together
 * @param frames that are not whole yet, of all of them together
 * @param software name and version, for {@code hello}
 */
public record ServerRoom(
    Gate gate,
    ServerLimits limits,
    Strangers strangers,
    AtomicInteger connections,
    Unsent unsent,
    FrameMemory frames,
    String software) {
  /** What {@code hello} says that this server offers beyond asking and answering. */
  private static final List<String> FEATURES =
      List.of(
          "run",
          "stdin",
          "window",
          "signal",
          "cancel",
          "status",
          "jobs",
          "argv_body",
          "argv_b64",
          "env_body",
          "env_from",
          "env_b64",
          "cwd_b64",
          "merge",
          "leftovers",
          "pty",
          "pty_modes",
          "limits",
          "user",
          "cancel_grace",
          "attach",
          "once",
          "linger",
          "keep",
          "on_full_drop",
          "heartbeat");

  /** The same with what this node has a disk for. */
  List<String> features() {
    return gate.canSpool()
        ? Stream.concat(FEATURES.stream(), Stream.of("spool")).toList()
        : FEATURES;
  }

  public static ServerRoom of(Gate gate, ServerLimits limits, String software) {
    return of(
        gate, limits, new Strangers(Strangers.Limits.DEFAULT), FrameMemory.ofHeap(), software);
  }

  public static ServerRoom of(
      Gate gate, ServerLimits limits, Strangers strangers, FrameMemory frames, String software) {
    return new ServerRoom(
        gate, limits, strangers, new AtomicInteger(), new Unsent(), frames, software);
  }
}
