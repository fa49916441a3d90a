package dev.runnel.settings;

import dev.runnel.job.JobLimits;
import dev.runnel.job.LogMemory;
import dev.runnel.process.InitDetection;
import dev.runnel.process.engine.NativeEngine;
import dev.runnel.security.identity.CidrList;
import dev.runnel.security.identity.UnauthenticatedLimiter;
import dev.runnel.security.quota.Quotas;
import dev.runnel.server.InboundBytes;
import dev.runnel.server.ListenAddress;
import dev.runnel.server.OutboundBytes;
import dev.runnel.server.ServerContext;
import dev.runnel.server.ServerLimits;
import dev.runnel.tls.TlsFiles;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * All that a daemon is told.
 *
 * @param seedListen a loopback address; null: there is no seed listener
 * @param tokens the file of the tokens it takes; null: there are none
 * @param policy the file that says who may run what; null: any command
 * @param audit where it writes down what it did; null: nowhere
 * @param record what it records of jobs' output; null: nothing
 * @param tls what TCP listeners need for TLS; null: they go without
 * @param state where it keeps what is to outlive it; null: nowhere
 * @param inheritance what commands have of its environment
 * @param memory who may look into it
 * @param exempt whose failures to get in cost nothing
 * @param openTcp whether TCP peers are let in without a token
 * @param life whose end is the daemon's own
 * @param ending what becomes of jobs when the daemon ends
 */
public record Settings(
    List<ListenAddress> listen,
    ListenAddress.@Nullable Tcp seedListen,
    @Nullable Path tokens,
    @Nullable Path policy,
    @Nullable AuditSettings audit,
    @Nullable RecordSettings record,
    @Nullable TlsFiles tls,
    @Nullable StateDirectory state,
    NativeEngine.Inheritance inheritance,
    Memory memory,
    CidrList exempt,
    OpenTcp openTcp,
    LogLevel logLevel,
    Life life,
    Ending ending,
    Map<Limit, Long> limits) {

  /** What to do about TCP peers while there are no tokens. */
  public enum OpenTcp {
    REFUSED,
    INSECURE
  }

  /** Who may read the memory of its process, with the tokens and the key in it. */
  public enum Memory {
    /** Root. */
    CLOSED,
    /** Every process of the same user, debuggers among them; and the kernel dumps it. */
    DUMPABLE
  }

  /** How much is logged. */
  public enum LogLevel {
    ERROR,
    WARN,
    INFO,
    DEBUG
  }

  /** What a daemon lives for. */
  public enum Life {
    OWN,
    /** A client's: it ends with the pipe on its stdin. */
    EMBEDDED,
    /** An application's, which deployed it and undeploys it. */
    GUEST
  }

  /**
   * @param shutdownGrace how long jobs may go on when the daemon is asked to end
   * @param watchdog whether there is one that ends them when it is killed
   */
  public record Ending(Duration shutdownGrace, Watchdog watchdog) {
    static final Duration DEFAULT_GRACE = Duration.ofSeconds(10);
    static final Ending AT_ONCE = new Ending(Duration.ZERO, Watchdog.AUTO);

    public boolean needsWatchdog(Map<String, String> environment) {
      return switch (watchdog) {
        case ON -> true;
        case OFF -> false;
        case AUTO -> !InitDetection.endsWithThisProcess(environment);
      };
    }
  }

  /** Whether there is a watchdog. */
  public enum Watchdog {
    /** Unless the system is known to end the jobs with the daemon. */
    AUTO,
    ON,
    OFF
  }

  public Settings {
    listen = List.copyOf(listen);
    limits = limits.isEmpty() ? Map.of() : new EnumMap<>(limits);
  }

  /** A node's in an application: everything but the limits is said elsewhere. */
  public static Settings ofGuest(Map<Limit, Long> limits) {
    return new Settings(
        List.of(),
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        NativeEngine.Inheritance.ALL,
        Memory.DUMPABLE,
        CidrList.NONE,
        OpenTcp.REFUSED,
        LogLevel.INFO,
        Life.GUEST,
        Ending.AT_ONCE,
        limits);
  }

  /** How many share a listener. One for each core: a verticle's connections are all on its own. */
  public int verticles() {
    // A client's own server has that client alone, unless others can reach it.
    boolean oneClient =
        life == Life.EMBEDDED
            && listen.stream().allMatch(where -> where instanceof ListenAddress.Unix);
    return life == Life.GUEST || oneClient ? 1 : Runtime.getRuntime().availableProcessors();
  }

  public long limit(Limit limit) {
    return limits.getOrDefault(limit, limit.fallback());
  }

  /** What connections may take up. */
  public ServerLimits serverLimits() {
    return new ServerLimits(
        (int) limit(Limit.MAX_CONNECTIONS),
        (int) limit(Limit.MAX_REQUESTS),
        (int) limit(Limit.MAX_CONNECTION_JOBS),
        (int) limit(Limit.MAX_UNSENT_BYTES),
        (int) limit(Limit.MAX_UNREAD_BYTES),
        Duration.ofMillis(limit(Limit.FIRST_FRAME_MS)),
        Duration.ofMillis(limit(Limit.FRAME_MS)));
  }

  /** What their frames may hold that are not whole. */
  public InboundBytes partialFrames() {
    long bytes = limit(Limit.MAX_PARTIAL_BYTES);
    return bytes == 0 ? ServerContext.framesOfHeap() : new InboundBytes(bytes);
  }

  /** What was sent to them and is not taken. */
  public OutboundBytes unsent() {
    long bytes = limit(Limit.MAX_OUTGOING_BYTES);
    return bytes == 0 ? OutboundBytes.ofHeap() : new OutboundBytes(bytes);
  }

  /** What the kernel may hold of that. */
  public InboundBytes sockets() {
    return new InboundBytes(limit(Limit.MAX_SOCKET_BYTES));
  }

  /** What is borne of peers that are not known yet. */
  public UnauthenticatedLimiter.Limits strangerLimits() {
    return UnauthenticatedLimiter.Limits.of(
        (int) limit(Limit.MAX_STRANGERS),
        Duration.ofMillis(limit(Limit.HELLO_MS)),
        Duration.ofMillis(limit(Limit.MAX_PENALTY_MS)),
        exempt);
  }

  /** What jobs may take up. */
  public JobLimits jobLimits() {
    return new JobLimits(
        (int) limit(Limit.MAX_QUEUED_STARTS),
        limit(Limit.MAX_RETAIN),
        (int) limit(Limit.MAX_ENDED),
        Duration.ofMillis(limit(Limit.KEEP_MS)),
        Duration.ofMillis(limit(Limit.MAX_LINGER_MS)),
        Duration.ofMillis(limit(Limit.MAX_STALL_MS)),
        Duration.ofMillis(limit(Limit.MAX_GRACE_MS)),
        Duration.ofMillis(limit(Limit.MAX_DRAIN_MS)),
        Duration.ofMillis(limit(Limit.MAX_KEEP_MS)));
  }

  /** What each principal and each source may take up. */
  public Quotas quotas() {
    return new Quotas(
        new Quotas.Bounds(
            (int) limit(Limit.MAX_PRINCIPAL_JOBS),
            (int) limit(Limit.MAX_PRINCIPAL_STARTS),
            limit(Limit.MAX_PRINCIPAL_RETAIN),
            (int) limit(Limit.MAX_PRINCIPAL_CONNECTIONS)),
        new Quotas.Bounds(
            (int) limit(Limit.MAX_SOURCE_JOBS),
            (int) limit(Limit.MAX_SOURCE_STARTS),
            limit(Limit.MAX_SOURCE_RETAIN),
            (int) limit(Limit.MAX_SOURCE_CONNECTIONS)),
        System::nanoTime);
  }

  /** What their logs may. */
  public LogMemory logMemory() {
    long set = limit(Limit.MAX_LOG_BYTES);
    long bytes = set > 0 ? set : heapLimit(Runtime.getRuntime().maxMemory()) / 2;
    return new LogMemory(bytes, (int) limit(Limit.MAX_JOBS));
  }

  /**
   * The limit that was probably set. The JVM tells of what it can use of that, for 256 MiB of
   * 247.5: half of them would be floors for 990 jobs.
   */
  static long heapLimit(long usableBytes) {
    long grain = Math.max(1, Long.highestOneBit(usableBytes) / 8);
    return (usableBytes + grain - 1) / grain * grain;
  }
}
