package dev.runnel.daemon;

import dev.runnel.model.NodeIdentity;
import dev.runnel.process.ProcessEngine;
import dev.runnel.record.Recordings;
import dev.runnel.security.AccessControl;
import dev.runnel.security.audit.Audit;
import dev.runnel.security.audit.AuditLog;
import dev.runnel.security.policy.Policy;
import dev.runnel.service.JobRecorder;
import dev.runnel.settings.AuditSettings;
import dev.runnel.settings.Limit;
import dev.runnel.settings.PolicyFile;
import dev.runnel.settings.RecordSettings;
import dev.runnel.settings.Setting;
import dev.runnel.settings.Settings;
import dev.runnel.settings.SettingsException;
import dev.runnel.settings.StateDirectory;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/**
 * All that the settings of a node name beside itself: who is let in, what is written down and kept,
 * and the files that are read again. A daemon and an application have it the same way. Every method
 * blocks on files; one thread at a time.
 */
public final class HostedNode implements AutoCloseable {
  private final Settings settings;
  private final Credentials credentials;
  private final @Nullable AuditLog audit;
  private final AccessControl guard;
  private final @Nullable Recordings recordings;
  private final FileWatch watch = new FileWatch();

  private HostedNode(Settings settings, Credentials credentials, @Nullable AuditLog audit)
      throws SettingsException {
    this.settings = settings;
    this.credentials = credentials;
    this.audit = audit;
    this.guard =
        new AccessControl(Policy.NONE, audit == null ? Audit.NONE : audit, settings.quotas());
    RecordSettings wanted = settings.record();
    this.recordings = wanted == null ? null : wanted.open(settings, guard.audit());
  }

  /**
   * Reads what there is to read, and opens what is to be written.
   *
   * @param out for an audit that goes to stdout
   */
  public static HostedNode open(Settings settings, PrintStream out) throws SettingsException {
    Credentials credentials = Credentials.read(settings);
    AuditSettings wanted = settings.audit();
    AuditLog audit =
        wanted == null ? null : wanted.open(out, settings.limit(Limit.MAX_QUEUED_STARTS));
    HostedNode made = null;
    try {
      made = new HostedNode(settings, credentials, audit);
      made.adoptPolicy();
      credentials.watch(made.watch);
      return made;
    } catch (SettingsException | RuntimeException | Error e) {
      if (made != null) {
        made.close();
      } else if (audit != null) {
        audit.close();
      }
      throw e;
    }
  }

  /** Looks whether nothing is wrong with the files, and opens nothing. */
  static void check(Settings settings) throws SettingsException {
    Path policy = settings.find(Setting.POLICY);
    var _ = policy == null ? Policy.NONE : readPolicy(settings, policy);
    var _ = Credentials.read(settings);
  }

  private void adoptPolicy() throws SettingsException {
    Path file = settings.find(Setting.POLICY);
    if (file == null) {
      return;
    }
    // Before it is read: else a change in between would be missed.
    FileWatch.Stamp stamp = FileWatch.stamp(List.of(file));
    guard.adopt(readPolicy(settings, file));
    watch.add(stamp, () -> guard.adopt(readPolicy(settings, file)));
  }

  private static Policy readPolicy(Settings settings, Path file) throws SettingsException {
    Policy policy = PolicyFile.read(file);
    if (settings.record() == null && policy.wantsRecordings()) {
      throw SettingsException.config(file + ": a rule has record, but there is no --record-dir");
    }
    return policy;
  }

  /**
   * The node that has all this, and that nobody can reach yet.
   *
   * @param address where it takes requests on the event bus
   */
  public Node node(Vertx vertx, ProcessEngine engine, NodeIdentity identity, String address)
      throws SettingsException {
    StateDirectory state = settings.state(System.getenv());
    Node.Disk disk =
        new Node.Disk(
            state == null ? null : state.open(settings.limit(Limit.MAX_SPOOL_BYTES)),
            recordings == null ? JobRecorder.NONE : recordings);
    return new Node(
        vertx,
        engine,
        settings,
        new Node.Terms(identity, address, credentials.access(), guard, disk));
  }

  /** What answers probes and scrapes. */
  HttpWiring http(Node node) throws SettingsException {
    return new HttpWiring(node, settings, audit);
  }

  /** From now on changed files are read again. */
  public void watch() {
    watch.start();
  }

  /** Reads them again at once, if they changed. Any thread. */
  void lookNow() {
    watch.lookNow();
  }

  /** From now on nothing is read again. Idempotent. */
  public void stopWatching() {
    watch.close();
  }

  /** After the node and its engine: what is still to be written is written. */
  @Override
  public void close() {
    watch.close();
    // Recordings tell the audit how they turned out.
    try {
      if (recordings != null) {
        recordings.close();
      }
    } catch (IOException e) {
      LoggerFactory.getLogger(HostedNode.class)
          .warn("recordings not closed cause={}", e.toString());
    } finally {
      if (audit != null) {
        audit.close();
      }
    }
  }
}
