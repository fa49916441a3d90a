package dev.runnel.settings;

import dev.runnel.cluster.ClusterOptions;
import dev.runnel.files.RuntimeDirectory;
import dev.runnel.job.JobLimits;
import dev.runnel.job.LogMemory;
import dev.runnel.process.InitDetection;
import dev.runnel.security.audit.AuditLog;
import dev.runnel.security.audit.AuditLog.Options.Arguments;
import dev.runnel.security.audit.AuditLog.Options.OnFailure;
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
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** All that a daemon is told. Immutable. */
public final class Settings {
  private static final Duration DEFAULT_GRACE = Duration.ofSeconds(10);

  private final Life life;
  private final Map<Setting<?>, Object> values;
  private final Map<Limit, Long> limits;

  /** How a line is logged. */
  public enum LogFormat {
    TEXT,
    JSON
  }

  /** How much is logged. */
  public enum LogLevel {
    ERROR,
    WARN,
    INFO,
    DEBUG
  }

  /** Who may read the metrics on an address that others reach. */
  public enum Metrics {
    /** Those with a token or a certificate. */
    GUARDED,
    OPEN,
    OFF
  }

  /** What a daemon lives for. */
  public enum Life {
    OWN,
    /** A client's: it ends with the pipe on its stdin. */
    EMBEDDED,
    /** An application's, which deployed it and undeploys it. */
    GUEST
  }

  /** Whether there is a small process that ends the jobs when the daemon is killed. */
  enum Watchdog {
    /** Unless the system is known to end the jobs with the daemon. */
    AUTO,
    ON,
    OFF
  }

  private Settings(Life life, Map<Setting<?>, Object> values, Map<Limit, Long> limits) {
    this.life = life;
    this.values = Map.copyOf(values);
    this.limits = Map.copyOf(limits);
  }

  /**
   * Those of a daemon, if they go together.
   *
   * @param values each as its setting reads it
   */
  static Settings of(Life life, Map<Setting<?>, Object> values, Map<Limit, Long> limits)
      throws SettingsException {
    Settings settings = new Settings(life, values, limits);
    settings.checkTls();
    for (ListenAddress where : settings.listen()) {
      if (where instanceof ListenAddress.Tcp tcp && !settings.get(Setting.INSECURE)) {
        settings.checkTcp(tcp);
      }
    }
    settings.checkSeed();
    settings.checkCluster();
    settings.checkHttp();
    return settings;
  }

  private void checkTls() throws SettingsException {
    boolean cert = find(Setting.TLS_CERT) != null;
    boolean key = find(Setting.TLS_KEY) != null;
    boolean ca = find(Setting.TLS_CLIENT_CA) != null;
    boolean crl = find(Setting.TLS_CLIENT_CRL) != null;
    if (crl && !ca) {
      throw SettingsException.usage("--tls-client-crl: given without --tls-client-ca");
    }
    if ((cert || key || ca) && !(cert && key)) {
      throw SettingsException.usage(
          "TLS: "
              + (cert ? "--tls-key" : "--tls-cert")
              + " is missing (expected: --tls-cert FILE and --tls-key FILE)");
    }
  }

  // Loopback included: any local user or sidecar could run commands as the daemon's user.
  private void checkTcp(ListenAddress.Tcp tcp) throws SettingsException {
    TlsFiles tls = tls();
    if (!mayRunOverTcp()) {
      throw SettingsException.usage(
          "--listen "
              + tcp
              + ": whoever reaches it could run commands here; give --tokens FILE (see runnel"
              + " token --help), or --insecure if that is meant");
    }
    if (tls == null && Addresses.loopbackAddress(tcp) == null) {
      throw SettingsException.usage(
          "--listen "
              + tcp
              + ": tokens and output would cross the network in clear; give --tls-cert FILE and"
              + " --tls-key FILE, or --insecure if that is meant");
    }
  }

  // Its clients know of no tokens: with or without them, it is open to every local user.
  private void checkSeed() throws SettingsException {
    ListenAddress.Tcp seed = find(Setting.SEED_LISTEN);
    if (seed != null && !get(Setting.INSECURE)) {
      throw SettingsException.usage(
          "--seed-listen "
              + seed
              + ": whoever reaches it could run commands here, without a token; give --insecure if"
              + " that is meant");
    }
  }

  private void checkCluster() throws SettingsException {
    ListenAddress.Tcp listen = find(Setting.CLUSTER_LISTEN);
    List<Setting<?>> needing =
        List.of(
            Setting.CLUSTER_JOIN,
            Setting.CLUSTER_NAME,
            Setting.CLUSTER_CERT,
            Setting.CLUSTER_KEY,
            Setting.CLUSTER_CA,
            Setting.CLUSTER_SILENCE,
            Setting.LABEL);
    for (Setting<?> setting : needing) {
      if (listen == null && values.containsKey(setting)) {
        throw SettingsException.usage(
            setting.option().name() + ": given without " + Setting.CLUSTER_LISTEN.option().name());
      }
    }
    boolean cert = find(Setting.CLUSTER_CERT) != null;
    boolean key = find(Setting.CLUSTER_KEY) != null;
    boolean ca = find(Setting.CLUSTER_CA) != null;
    if ((cert || key || ca) && !(cert && key && ca)) {
      throw SettingsException.usage(
          "--cluster-"
              + (cert ? key ? "ca" : "key" : "cert")
              + ": missing (expected: --cluster-cert, --cluster-key and --cluster-ca)");
    }
    if (listen != null && !cert && !isOnLoopback(listen)) {
      throw SettingsException.usage(
          "--cluster-listen "
              + listen
              + ": other machines could pass for nodes; give --cluster-cert FILE, --cluster-key"
              + " FILE and --cluster-ca FILE");
    }
  }

  private boolean isOnLoopback(ListenAddress.Tcp listen) {
    return Addresses.loopbackAddress(listen) != null
        && get(Setting.CLUSTER_JOIN).stream().allMatch(Addresses::isLoopback);
  }

  /** The name of the node, where it was given one. */
  public @Nullable String node() {
    return find(Setting.NODE);
  }

  /** What a node is told about its cluster; null: it is in none. */
  public @Nullable ClusterOptions cluster() {
    ListenAddress.Tcp listen = find(Setting.CLUSTER_LISTEN);
    if (listen == null) {
      return null;
    }
    String name = find(Setting.CLUSTER_NAME);
    Duration silence = find(Setting.CLUSTER_SILENCE);
    Path cert = find(Setting.CLUSTER_CERT);
    return new ClusterOptions(
        name == null ? ClusterOptions.DEFAULT_NAME : name,
        listen,
        get(Setting.CLUSTER_JOIN),
        get(Setting.LABEL),
        silence == null ? ClusterOptions.DEFAULT_SILENCE : silence,
        cert == null
            ? null
            : new TlsFiles(find(Setting.CLUSTER_CA), cert, find(Setting.CLUSTER_KEY)));
  }

  // Commands run there only for those who are known, but tokens cross it, and what is seen there is
  // not for everybody.
  private void checkHttp() throws SettingsException {
    if (get(Setting.CONSOLE) && find(Setting.HTTP) == null) {
      throw SettingsException.usage("--console: given without --http");
    }
    if (!(find(Setting.HTTP) instanceof ListenAddress.Tcp tcp)
        || get(Setting.INSECURE)
        || Addresses.loopbackAddress(tcp) != null) {
      return;
    }
    TlsFiles tls = tls();
    if (tls == null) {
      throw SettingsException.usage(
          "--http "
              + tcp
              + ": what it answers would cross the network in clear; give --tls-cert FILE and"
              + " --tls-key FILE, or --insecure if that is meant");
    }
    if (get(Setting.METRICS) == Metrics.GUARDED
        && find(Setting.TOKENS) == null
        && tls.ca() == null) {
      throw SettingsException.usage(
          "--http "
              + tcp
              + ": nobody could read /metrics; give --tokens FILE, --tls-client-ca FILE or"
              + " --metrics open|off");
    }
  }

  /** Whether something tells who TCP clients are, or nobody is to ask. */
  public boolean mayRunOverTcp() {
    TlsFiles tls = tls();
    return get(Setting.INSECURE)
        || find(Setting.TOKENS) != null
        || (tls != null && tls.ca() != null);
  }

  /** Whether whoever reaches the HTTP listener may read the metrics. */
  public boolean areMetricsOpen() {
    return get(Setting.METRICS) == Metrics.OPEN
        || !(find(Setting.HTTP) instanceof ListenAddress.Tcp tcp)
        || Addresses.loopbackAddress(tcp) != null;
  }

  /** What is set, else what it is by default; null: nothing. */
  @SuppressWarnings("unchecked") // Put there as the setting read it.
  public <T> @Nullable T find(Setting<T> setting) {
    T value = (T) values.get(setting);
    return value == null ? setting.fallback() : value;
  }

  /** The same of a setting that has a default. */
  public <T> T get(Setting<T> setting) {
    return Objects.requireNonNull(find(setting), setting.key());
  }

  public Life life() {
    return life;
  }

  /** Where it listens; a daemon on this user's Unix socket unless something is said. */
  public List<ListenAddress> listen() {
    List<ListenAddress> listen = find(Setting.LISTEN);
    if (life == Life.GUEST) {
      return listen == null ? List.of() : listen;
    }
    return listen == null || listen.isEmpty()
        ? Addresses.all(List.of("unix:" + RuntimeDirectory.defaultSocket()))
        : listen;
  }

  /** What TCP listeners need for TLS; null: they go without. */
  public @Nullable TlsFiles tls() {
    Path cert = find(Setting.TLS_CERT);
    return cert == null
        ? null
        : new TlsFiles(
            find(Setting.TLS_CLIENT_CA), cert, find(Setting.TLS_KEY), find(Setting.TLS_CLIENT_CRL));
  }

  /** Where it writes down what it did; null: nowhere. */
  public @Nullable AuditSettings audit() {
    String to = find(Setting.AUDIT);
    return to == null
        ? null
        : new AuditSettings(
            to,
            new AuditLog.Options(
                get(Setting.AUDIT_ARGV) ? Arguments.WRITTEN : Arguments.DIGEST,
                get(Setting.AUDIT_OPTIONAL) ? OnFailure.GO_ON : OnFailure.REFUSE));
  }

  /** What it records of jobs' output; null: nothing. */
  public @Nullable RecordSettings record() {
    Path folder = find(Setting.RECORD_DIR);
    return folder == null ? null : new RecordSettings(folder, get(Setting.RECORD));
  }

  /**
   * Where it keeps what is to outlive it; null: nowhere, as one that is a client's own, and an
   * application's that names no place.
   */
  public @Nullable StateDirectory state(Map<String, String> environment) {
    boolean isAsked = life == Life.OWN || (life == Life.GUEST && find(Setting.STATE_DIR) != null);
    return !isAsked ? null : StateDirectory.of(find(Setting.STATE_DIR), environment);
  }

  /**
   * How long jobs may go on when the daemon is asked to end. One that is a client's own ends
   * because its client has: nobody is left to wait for a job.
   */
  public Duration shutdownGrace() {
    Duration grace = find(Setting.SHUTDOWN_GRACE);
    return grace != null ? grace : life == Life.OWN ? DEFAULT_GRACE : Duration.ZERO;
  }

  public boolean needsWatchdog(Map<String, String> environment) {
    return switch (get(Setting.WATCHDOG)) {
      case ON -> true;
      case OFF -> false;
      case AUTO -> life != Life.GUEST && !InitDetection.endsWithThisProcess(environment);
    };
  }

  /** How many share a listener. One for each core: a verticle's connections are all on its own. */
  public int verticles() {
    // A client's own server has that client alone, unless others can reach it.
    boolean oneClient =
        life == Life.EMBEDDED
            && listen().stream().allMatch(where -> where instanceof ListenAddress.Unix);
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
        get(Setting.PENALTY_EXEMPT));
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
