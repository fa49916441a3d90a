package dev.runnel.server;

import dev.runnel.security.identity.UnauthenticatedLimiter;
import dev.runnel.service.JobService;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * What the connections of a node share.
 *
 * @param strangers those of their peers that are not known yet
 * @param connections how many there are, on all listeners
 * @param unsent of all of them together
 * @param frames that are not whole yet, of all of them together
 * @param sockets what the kernel holds of what their peers do not take
 * @param software name and version, for {@code hello}
 * @param cluster that the node is in, from when it has joined one
 */
public record ServerContext(
    JobService gate,
    ServerLimits limits,
    UnauthenticatedLimiter strangers,
    AtomicInteger connections,
    OutboundBytes unsent,
    InboundBytes frames,
    InboundBytes sockets,
    String software,
    AtomicReference<@Nullable ClusterMember> cluster) {
  private static final int FRAMES_PART_OF_HEAP = 8;
  private static final long SOCKET_BYTES = 512L << 20;

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
          "forget",
          "attach",
          "once",
          "linger",
          "keep",
          "on_full_drop",
          "heartbeat",
          "labels",
          "trace",
          "watch_jobs");

  /** Of a node in no cluster. */
  public ServerContext(
      JobService gate,
      ServerLimits limits,
      UnauthenticatedLimiter strangers,
      AtomicInteger connections,
      OutboundBytes unsent,
      InboundBytes frames,
      InboundBytes sockets,
      String software) {
    this(
        gate,
        limits,
        strangers,
        connections,
        unsent,
        frames,
        sockets,
        software,
        new AtomicReference<>());
  }

  /** The same with what this node has a disk or a cluster for. */
  List<String> features() {
    boolean clustered = cluster.get() != null;
    if (!gate.canSpool() && !clustered) {
      return FEATURES;
    }
    List<String> all = new ArrayList<>(FEATURES);
    if (gate.canSpool()) {
      all.add("spool");
    }
    if (clustered) {
      all.add("nodes");
    }
    return all;
  }

  public static ServerContext of(JobService gate, ServerLimits limits, String software) {
    UnauthenticatedLimiter strangers =
        new UnauthenticatedLimiter(UnauthenticatedLimiter.Limits.DEFAULT);
    return new ServerContext(
        gate,
        limits,
        strangers,
        new AtomicInteger(),
        OutboundBytes.ofHeap(),
        framesOfHeap(),
        new InboundBytes(SOCKET_BYTES),
        software);
  }

  /** So much of frames that are not whole as suits the heap that this JVM may have. */
  public static InboundBytes framesOfHeap() {
    return InboundBytes.ofHeap(FRAMES_PART_OF_HEAP);
  }
}
