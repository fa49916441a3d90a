package dev.runnel.daemon;

import dev.runnel.eventbus.WorkerPool;
import dev.runnel.http.Check;
import dev.runnel.http.ConsoleFiles;
import dev.runnel.http.FrameTerms;
import dev.runnel.http.HttpListener;
import dev.runnel.http.HttpTerms;
import dev.runnel.http.MetricsPage;
import dev.runnel.metrics.LagProbe;
import dev.runnel.metrics.NodeMetrics;
import dev.runnel.process.ProcessEngine;
import dev.runnel.security.audit.AuditLog;
import dev.runnel.server.Authentication;
import dev.runnel.server.ListenAddress;
import dev.runnel.settings.AuditSettings;
import dev.runnel.settings.RecordSettings;
import dev.runnel.settings.Setting;
import dev.runnel.settings.Settings;
import dev.runnel.settings.SettingsException;
import dev.runnel.settings.StateDirectory;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.FileDescriptorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the HTTP listener asks of a node; loaded by a daemon that has one, and no other. Its checks
 * are asked on the listener's event loop, those of disks on threads of their own.
 */
final class HttpWiring {
  private static final int PROBE_BYTES = 4_096;
  private static final String PROBE = ".writable";

  private final Node node;
  private final Settings settings;
  private final @Nullable AuditLog audit;
  private final @Nullable ConsoleFiles console;

  HttpWiring(Node node, Settings settings, @Nullable AuditLog audit) throws SettingsException {
    this.node = node;
    this.settings = settings;
    this.audit = audit;
    this.console = settings.get(Setting.CONSOLE) ? load() : null;
  }

  private static ConsoleFiles load() throws SettingsException {
    try {
      return ConsoleFiles.load();
    } catch (IOException e) {
      throw SettingsException.config("--console: " + e.getMessage());
    }
  }

  Future<HttpListener> open(Vertx vertx, ListenAddress where) {
    List<Check> ready = new ArrayList<>();
    ready.add(Check.of("accepting", node.registry()::isAccepting, "the server is shutting down"));
    ready.add(new Check("workers", () -> WorkerPool.ping(node.bus())));
    addDisks(vertx, ready);
    @Nullable PrometheusMeterRegistry meters =
        settings.get(Setting.METRICS) == Settings.Metrics.OFF ? null : meters();
    HttpTerms terms =
        new HttpTerms(
            node.room(),
            node.terms().tcp(),
            new Check("process_loop", () -> turn(vertx, node.engine())),
            ready,
            meters == null ? null : new MetricsPage(settings.areMetricsOpen(), meters::scrape),
            frames(where),
            console);
    Future<?> probes =
        meters == null ? Future.succeededFuture() : LagProbe.deploy(vertx, meters, node.engine());
    return probes.compose(_ -> HttpListener.open(vertx, terms, where));
  }

  // As those of the frame listeners are known; there nobody lets in whoever comes unless told to.
  private @Nullable FrameTerms frames(ListenAddress where) {
    Authentication access =
        where instanceof ListenAddress.Unix ? new Authentication.ByUser() : node.terms().tcp();
    return access instanceof Authentication.ByUser || settings.mayRunOverTcp()
        ? new FrameTerms(access, settings.get(Setting.HTTP_ORIGIN))
        : null;
  }

  private PrometheusMeterRegistry meters() {
    PrometheusMeterRegistry meters = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    new JvmMemoryMetrics().bindTo(meters);
    new JvmThreadMetrics().bindTo(meters);
    new UptimeMetrics().bindTo(meters);
    new FileDescriptorMetrics().bindTo(meters);
    NodeMetrics.bind(meters, node.registry(), node.engine(), node.room());
    return meters;
  }

  // Done when the loop has come to it.
  private static Future<?> turn(Vertx vertx, ProcessEngine engine) {
    Promise<Void> turned = Promise.promise();
    Context asking = vertx.getOrCreateContext();
    engine.execute(() -> asking.runOnContext(_ -> turned.tryComplete()));
    return turned.future();
  }

  private void addDisks(Vertx vertx, List<Check> ready) {
    StateDirectory state = settings.state(System.getenv());
    if (state != null && node.registry().canSpool()) {
      ready.add(Check.ofDisk(vertx, "spool", () -> writeIn(state.path())));
    }
    AuditSettings wanted = settings.audit();
    AuditLog log = audit;
    if (wanted != null && log != null) {
      Path file = wanted.file();
      ready.add(
          file == null
              ? Check.of("audit", log::isAnswering, "no answer from stdout")
              : Check.ofDisk(vertx, "audit", () -> append(log, file)));
    }
    RecordSettings record = settings.record();
    if (record != null) {
      ready.add(Check.ofDisk(vertx, "recordings", () -> writeIn(record.folder())));
    }
  }

  private static void writeIn(Path folder) throws IOException {
    Path file = folder.resolve(PROBE);
    Files.deleteIfExists(file);
    try (FileChannel channel =
        FileChannel.open(
            file,
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.WRITE,
            LinkOption.NOFOLLOW_LINKS)) {
      var _ = channel.write(ByteBuffer.allocate(PROBE_BYTES));
    } finally {
      Files.deleteIfExists(file);
    }
  }

  // Nothing is written that is no entry.
  private static void append(AuditLog log, Path file) throws IOException {
    if (!log.isAnswering()) {
      throw new IOException("no answer from the disk");
    }
    FileChannel.open(file, StandardOpenOption.WRITE, StandardOpenOption.APPEND).close();
    if (Files.getFileStore(file).getUsableSpace() < PROBE_BYTES) {
      throw new IOException("no space left on the disk");
    }
  }
}
