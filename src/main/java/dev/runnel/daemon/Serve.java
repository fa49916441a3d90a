package dev.runnel.daemon;

import dev.runnel.cli.Arguments;
import dev.runnel.cli.CliContext;
import dev.runnel.cli.Failure;
import dev.runnel.cli.VerbDefinition;
import dev.runnel.cluster.ClusterOptions;
import dev.runnel.job.SpoolThreads;
import dev.runnel.model.NodeIdentity;
import dev.runnel.model.Signal;
import dev.runnel.process.DumpableFlag;
import dev.runnel.process.Setsid;
import dev.runnel.process.SignalThread;
import dev.runnel.process.engine.NativeEngine;
import dev.runnel.record.Recordings;
import dev.runnel.security.AccessControl;
import dev.runnel.security.audit.Audit;
import dev.runnel.security.audit.AuditLog;
import dev.runnel.security.policy.Policy;
import dev.runnel.server.ListenAddress;
import dev.runnel.service.EventBusAddresses;
import dev.runnel.service.JobRecorder;
import dev.runnel.settings.AuditSettings;
import dev.runnel.settings.Limit;
import dev.runnel.settings.PolicyFile;
import dev.runnel.settings.RecordSettings;
import dev.runnel.settings.ServeArguments;
import dev.runnel.settings.Setting;
import dev.runnel.settings.Settings;
import dev.runnel.settings.SettingsException;
import dev.runnel.settings.StateDirectory;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.file.FileSystemOptions;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The verb {@code serve}, which is runneld. On the main thread, which waits until it is to end. */
public final class Serve {
  // A server prints only where it listens, and is not ended for want of a reader of that.
  public static final VerbDefinition DEFINITION = ServeArguments.verb(Serve::run);

  /** By a mistake of our own. */
  private static final int FAILED = 1;

  private static final int WORKER_THREADS = 4;
  private static final int DEEPEST = 20;

  /** Longer than starting takes. */
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  /** What leaving a cluster may take; the others notice without it, later. */
  private static final Duration LEAVING = Duration.ofSeconds(4);

  /** What closing Vert.x may take; it waits for threads that hang. */
  private static final Duration CLOSING = Duration.ofMillis(1_500);

  private final Settings settings;
  private final PrintStream out;
  private final NodeIdentity identity;
  private final ExitWatchdog lastResort = ExitWatchdog.start();
  private @Nullable AuditLog audit;
  private final GracefulShutdown departure = new GracefulShutdown(lastResort::arm);

  /** What SIGHUP does; before there is anything to read again, nothing. */
  private volatile Runnable onHangUp = () -> {};

  private Serve(Settings settings, PrintStream out) throws SettingsException {
    this.settings = settings;
    this.out = out;
    this.identity = identity(settings);
  }

  // Serves until a signal ends it.
  private static int run(CliContext context, Arguments arguments) throws Failure {
    try {
      Settings settings = ServeArguments.read(arguments, System.getenv());
      configureLogs(settings);
      if (ServeArguments.onlyChecks(arguments)) {
        check(settings);
        context.out().print("nothing is wrong with the settings\n");
        return 0;
      }
      new Serve(settings, System.out).serve();
      return 0;
    } catch (SettingsException e) {
      String lacking = words(whyNothingCanBeOpened());
      if (lacking != null) {
        return tooLittle(lacking);
      }
      throw Failure.of(e.exitCode(), String.valueOf(e.getMessage()));
    } catch (RuntimeException | Error e) {
      String lacking = shortage(e);
      if (lacking != null) {
        return tooLittle(lacking);
      }
      // Other threads live on, and so would the daemon.
      LoggerFactory.getLogger(Serve.class).error("daemon failed", e);
      return FAILED;
    }
  }

  private static void check(Settings settings) throws SettingsException {
    Path policy = settings.find(Setting.POLICY);
    var _ = policy == null ? Policy.NONE : readPolicy(settings, policy);
    var _ = Credentials.read(settings);
  }

  private static int tooLittle(String lacking) {
    System.err.println("runnel: cannot start: " + lacking);
    System.err.flush();
    // Not by exit, which would look for a logger in a class that can't be loaded either.
    Runtime.getRuntime().halt(FAILED);
    return FAILED;
  }

  // Here, as no other class could be loaded then. Null: it is nothing of the kind.
  private static @Nullable String shortage(Throwable thrown) {
    Throwable cause = thrown;
    for (int i = 0; cause != null && i < DEEPEST; i++) {
      String words = words(String.valueOf(cause.getMessage()));
      if (words != null) {
        return words;
      }
      cause = cause.getCause();
    }
    // A class that can't be read is not there, and nothing says why.
    return thrown instanceof LinkageError ? words(whyNothingCanBeOpened()) : null;
  }

  private static String whyNothingCanBeOpened() {
    try {
      new FileInputStream("/dev/null").close();
      return "";
    } catch (IOException e) {
      return String.valueOf(e.getMessage());
    }
  }

  private static @Nullable String words(String message) {
    if (message.contains("Too many open files") || message.contains("EMFILE")) {
      return "too few open files allowed: raise ulimit -n (a daemon at rest has some 70 open)";
    }
    if (message.contains("unable to create native thread")) {
      return "too few threads allowed: raise ulimit -u or the limit on pids (it needs some 40)";
    }
    return null;
  }

  // Before the first logger is made.
  private static void configureLogs(Settings settings) {
    LogProvider.configure(settings.get(Setting.LOG_FORMAT), settings.get(Setting.LOG_LEVEL));
    System.setProperty(LogBridge.PROPERTY, LogBridge.Configuration.class.getName());
    System.setProperty(
        "vertx.logger-delegate-factory-class-name",
        "io.vertx.core.logging.SLF4JLogDelegateFactory");
  }

  private void serve() throws SettingsException {
    closeMemory();
    Credentials credentials = Credentials.read(settings);
    AuditSettings wanted = settings.audit();
    AuditLog log =
        wanted == null ? null : wanted.open(out, settings.limit(Limit.MAX_QUEUED_STARTS));
    audit = log;
    try {
      serve(
          credentials,
          new AccessControl(Policy.NONE, log == null ? Audit.NONE : log, settings.quotas()));
    } finally {
      if (log != null) {
        log.close();
      }
    }
  }

  // Before there is a secret in it.
  private void closeMemory() throws SettingsException {
    if (settings.life() == Settings.Life.OWN && !settings.get(Setting.DUMPABLE)) {
      try {
        DumpableFlag.close();
      } catch (UnsupportedOperationException e) {
        throw SettingsException.config(String.valueOf(e.getMessage()));
      }
    }
  }

  private void serve(Credentials credentials, AccessControl guard) throws SettingsException {
    RecordSettings wanted = settings.record();
    if (wanted == null) {
      serve(credentials, guard, JobRecorder.NONE);
      return;
    }
    // Closed after the jobs have ended, and before the audit, which it tells of them.
    try (Recordings recordings = wanted.open(settings, guard.audit())) {
      serve(credentials, guard, recordings);
    } catch (IOException e) {
      LoggerFactory.getLogger(Serve.class).warn("recordings not closed cause={}", e.toString());
    }
  }

  private static Policy readPolicy(Settings settings, Path file) throws SettingsException {
    Policy policy = PolicyFile.read(file);
    if (settings.record() == null && policy.wantsRecordings()) {
      throw SettingsException.config(file + ": a rule has record, but there is no --record-dir");
    }
    return policy;
  }

  private void serve(Credentials credentials, AccessControl guard, JobRecorder recorder)
      throws SettingsException {
    Path policy = settings.find(Setting.POLICY);
    FileWatch.Stamp policyStamp = FileWatch.stamp(policy == null ? List.of() : List.of(policy));
    if (policy != null) {
      guard.adopt(readPolicy(settings, policy));
    }
    if (settings.life() == Settings.Life.EMBEDDED) {
      endWithStdin(System.in);
    }
    receiveSignals();
    NativeEngine engine = openEngine();
    try {
      Vertx vertx = Vertx.vertx(vertxOptions());
      startThreads(vertx);
      Node node =
          new Node(
              vertx,
              engine,
              settings,
              new Node.Terms(
                  identity,
                  EventBusAddresses.DEFAULT_ADDRESS,
                  credentials.access(),
                  guard,
                  new Node.Disk(openSpooler(), recorder)));
      try (FileWatch watch = new FileWatch()) {
        credentials.watch(watch);
        if (policy != null) {
          watch.add(policyStamp, () -> guard.adopt(readPolicy(settings, policy)));
        }
        watch.start();
        onHangUp = watch::lookNow;
        node.recover();
        var _ = await(node.start());
        ClusterOptions cluster = settings.cluster();
        if (cluster != null) {
          await(node.listenForNodes(cluster));
          node.join(cluster);
        }
        tellListeners(vertx, node);
        departure.await();
        departure.drain(node, settings.shutdownGrace());
      } catch (InterruptedException _) {
        Thread.currentThread().interrupt();
      } finally {
        stop(node, vertx);
      }
    } finally {
      engine.close(lastResort.left());
    }
  }

  /** Those that work when all others end: a thread made then may be one too many for the system. */
  private static void startThreads(Vertx vertx) {
    for (int i = 0; i < WORKER_THREADS; i++) {
      Future<?> _ = vertx.executeBlocking(() -> true, false);
    }
    vertx.getOrCreateContext().runOnContext(_ -> {});
  }

  private @Nullable SpoolThreads openSpooler() throws SettingsException {
    StateDirectory state = settings.state(System.getenv());
    return state == null ? null : state.open(settings.limit(Limit.MAX_SPOOL_BYTES));
  }

  private void tellListeners(Vertx vertx, Node node) throws SettingsException {
    Logger log = LoggerFactory.getLogger(Serve.class);
    String transport = vertx.isNativeTransportEnabled() ? "epoll" : "nio";
    for (ListenAddress wanted : settings.listen()) {
      ListenAddress listening = await(node.listen(wanted));
      log.info(
          "listening address={} transport={} version={}", listening, transport, Version.text());
      tell("listening on " + listening);
    }
    ListenAddress.Tcp seed = settings.find(Setting.SEED_LISTEN);
    if (seed != null) {
      ListenAddress listening = await(node.listenForSeed(seed));
      log.info("seed listening address={} transport={}", listening, transport);
      tell("seed listening on " + listening);
    }
    ListenAddress http = settings.find(Setting.HTTP);
    if (http != null) {
      ListenAddress listening =
          await(node.listenForHttp(http, new HttpWiring(node, settings, audit)));
      log.info("http listening address={} transport={}", listening, transport);
      tell("http listening on " + listening);
    }
  }

  private void stop(Node node, Vertx vertx) {
    Deadline deadline = Deadline.in(Deadline.ENDING);
    try {
      var _ = await(departure.stop(node, deadline), deadline.left());
      // The others hear of the ends of its jobs before they hear that it is gone.
      node.leave(deadline.left(LEAVING, CLOSING));
      var _ = await(vertx.close(), deadline.left(CLOSING, CLOSING));
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    } catch (SettingsException e) {
      LoggerFactory.getLogger(Serve.class).warn("not all was closed cause={}", e.getMessage());
    }
  }

  private static <T> T await(Future<T> future) throws SettingsException {
    return await(future, PATIENCE);
  }

  private static <T> T await(Future<T> future, Duration patience) throws SettingsException {
    try {
      return future
          .toCompletionStage()
          .toCompletableFuture()
          .get(patience.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      throw e.getCause() instanceof SettingsException told
          ? told
          : SettingsException.config(String.valueOf(e.getCause()));
    } catch (TimeoutException _) {
      throw SettingsException.config("nothing after " + patience.toMillis() + " ms");
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
      throw SettingsException.config("interrupted");
    }
  }

  // After the log: whoever reads it may look there.
  private void tell(String line) {
    out.println(line);
    out.flush();
  }

  private NativeEngine openEngine() throws SettingsException {
    try {
      if (settings.life() == Settings.Life.EMBEDDED) {
        Setsid.begin();
      }
      NativeEngine engine =
          NativeEngine.open(
              NativeEngine.Ownership.OWN_PROCESS,
              identity.boot(),
              settings.get(Setting.CLEAN_ENV)
                  ? NativeEngine.Inheritance.CLEAN
                  : NativeEngine.Inheritance.ALL);
      if (settings.needsWatchdog(System.getenv())) {
        engine.guard();
      }
      return engine;
    } catch (UnsupportedOperationException e) {
      throw SettingsException.config(String.valueOf(e.getMessage()));
    }
  }

  private static VertxOptions vertxOptions() {
    return new VertxOptions()
        .setPreferNativeTransport(true)
        .setWorkerPoolSize(WORKER_THREADS)
        // Nothing is served from files: no cache folder, which a read-only root would not allow.
        .setFileSystemOptions(
            new FileSystemOptions()
                .setFileCachingEnabled(false)
                .setClassPathResolvingEnabled(false));
  }

  private static NodeIdentity identity(Settings settings) throws SettingsException {
    String given = settings.node();
    String name = given == null ? hostName() : given;
    if (settings.cluster() != null && !name.matches(ClusterOptions.NAME)) {
      throw SettingsException.config(
          "the host's name, " + name + ", is none for a node of a cluster; give --node NAME");
    }
    return new NodeIdentity(name, UUID.randomUUID().toString());
  }

  private static String hostName() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException _) {
      return "localhost";
    }
  }

  // Also where they came ignored, as under nohup and behind a shell's "&": documented to act.
  private void receiveSignals() throws SettingsException {
    try {
      SignalThread signals = SignalThread.begin();
      signals.on(Signal.HUP, () -> onHangUp.run());
      signals.on(Signal.USR1, LogProvider::toggle);
      signals.on(Signal.TERM, departure::ask);
      signals.on(Signal.INT, departure::ask);
    } catch (UnsupportedOperationException e) {
      throw SettingsException.config(String.valueOf(e.getMessage()));
    }
  }

  // Its client's end, by whatever cause, closes the pipe.
  private void endWithStdin(InputStream in) {
    Thread.ofPlatform()
        .daemon()
        .name("runnel-parent")
        .start(
            () -> {
              try {
                in.transferTo(java.io.OutputStream.nullOutputStream());
              } catch (IOException _) {
                // As good as its end.
              }
              departure.ask();
            });
  }
}
