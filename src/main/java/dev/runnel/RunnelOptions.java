package dev.runnel;

import dev.runnel.security.policy.RecordingScope;
import dev.runnel.service.EventBusAddresses;
import dev.runnel.settings.GuestSettings;
import dev.runnel.settings.Limit;
import dev.runnel.settings.Settings;
import dev.runnel.settings.SettingsException;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;

/**
 * What an embedded Runnel is to do. Its JSON has the keys of a daemon's file of settings
 * (docs/guide/settings.md), and {@code address}. Not for several threads at a time; a verticle
 * copies it.
 */
public final class RunnelOptions {
  private static final String ADDRESS = "address";

  private final JsonObject keys;

  /** The event bus alone, at {@link EventBusAddresses#DEFAULT_ADDRESS}. */
  public RunnelOptions() {
    keys = new JsonObject();
  }

  /** A copy. */
  public RunnelOptions(RunnelOptions other) {
    keys = other.keys.copy();
  }

  /**
   * Those of a configuration.
   *
   * @throws IllegalArgumentException that names a key that there is not, or the value that it does
   *     not take
   */
  public RunnelOptions(JsonObject json) {
    keys = json.copy();
    if (!(keys.getValue(ADDRESS, "") instanceof String)) {
      throw new IllegalArgumentException(
          ADDRESS + ": " + keys.getValue(ADDRESS) + " (expected: a string)");
    }
    GuestSettings.check(settingKeys());
  }

  /** What {@link #RunnelOptions(JsonObject)} makes the same of. */
  public JsonObject toJson() {
    return keys.copy();
  }

  /** On the event bus, where {@link dev.runnel.eventbus.CommandBus} asks. */
  public String getAddress() {
    return keys.getString(ADDRESS, EventBusAddresses.DEFAULT_ADDRESS);
  }

  /** The node's name, which its jobs and events tell; without it, its address. */
  public RunnelOptions setNode(String name) {
    return set("node", name);
  }

  /** Another address: two on one Vertx that are not to share their work each need their own. */
  public RunnelOptions setAddress(String address) {
    keys.put(ADDRESS, address);
    return this;
  }

  /** One more TCP listener. Port 0: a free one. It needs tokens, or to be {@link #setInsecure}. */
  public RunnelOptions addListener(String host, int port) {
    return add("listen", (host.indexOf(':') < 0 ? host : "[" + host + "]") + ":" + port);
  }

  /** One more listener: a Unix socket that only the user of this JVM may open. */
  public RunnelOptions addUnixListener(Path path) {
    return add("listen", "unix:" + path);
  }

  private RunnelOptions add(String key, String value) {
    Object before = keys.getValue(key);
    JsonArray all =
        before instanceof JsonArray many
            ? many.copy()
            : before == null ? new JsonArray() : JsonArray.of(before);
    return set(key, all.add(value));
  }

  /** Lets whoever reaches a TCP listener run commands: as good as a shell for them. */
  public RunnelOptions setInsecure(boolean insecure) {
    return set("insecure", insecure);
  }

  /** The file of tokens that TCP clients need; read again when it changes. */
  public RunnelOptions setTokens(Path file) {
    return set("tokens", file.toString());
  }

  /** TLS for TCP listeners, with these PEM files; read again when they change. */
  public RunnelOptions setTls(Path cert, Path key) {
    return below("tls", "cert", cert).below("tls", "key", key);
  }

  /** Lets in clients with a certificate of that CA's, a PEM file. */
  public RunnelOptions setTlsClientCa(Path file) {
    return below("tls", "client_ca", file);
  }

  /** Revocation lists of that CA, a PEM file. */
  public RunnelOptions setTlsClientCrl(Path file) {
    return below("tls", "client_crl", file);
  }

  private RunnelOptions below(String group, String key, Path file) {
    JsonObject all = keys.getJsonObject(group, new JsonObject()).copy();
    return set(group, all.put(key, file.toString()));
  }

  /** YAML that says who may run what, of the event bus too; read again when it changes. */
  public RunnelOptions setPolicy(Path file) {
    return set("policy", file.toString());
  }

  /** Where a JSON line is written for each start, denial, signal and end. */
  public RunnelOptions setAudit(Path file) {
    return set("audit", file.toString());
  }

  /** Where output of jobs that spool goes, to be read after a restart too; without it nowhere. */
  public RunnelOptions setStateDirectory(Path folder) {
    return set("state_dir", folder.toString());
  }

  /** Where what jobs print is recorded. */
  public RunnelOptions setRecordings(Path folder, RecordingScope which) {
    return set("record_dir", folder.toString())
        .set("record", which.name().toLowerCase(Locale.ROOT));
  }

  /** How long jobs may go on when the verticle is undeployed; without it they end at once. */
  public RunnelOptions setShutdownGrace(Duration grace) {
    return set("shutdown_grace", grace.toMillis() + "ms");
  }

  /** Whether a small process ends the jobs if this JVM is killed; without it none does. */
  public RunnelOptions setWatchdog(boolean wanted) {
    return set("watchdog", wanted ? "on" : "off");
  }

  /** Whether commands have only what a login has of this JVM's environment. */
  public RunnelOptions setCleanEnvironment(boolean clean) {
    return set("clean_env", clean);
  }

  /**
   * Another limit.
   *
   * @throws IllegalArgumentException if it is out of the limit's bounds
   */
  public RunnelOptions setLimit(Limit limit, long value) {
    JsonObject all = keys.getJsonObject("limits", new JsonObject()).copy();
    return set("limits", all.put(limit.key(), limit.check(value)));
  }

  private RunnelOptions set(String key, Object value) {
    // Before it is kept: what is refused changes nothing.
    GuestSettings.check(plain(new JsonObject().put(key, value)));
    keys.put(key, value);
    return this;
  }

  private Map<String, Object> settingKeys() {
    JsonObject settings = keys.copy();
    settings.remove(ADDRESS);
    return plain(settings);
  }

  // Maps and lists, down to the last.
  private static Map<String, Object> plain(JsonObject json) {
    return new JsonObject(json.encode()).getMap();
  }

  /** All of them together. */
  Settings settings() throws SettingsException {
    return GuestSettings.read(settingKeys());
  }

  @Override
  public String toString() {
    return keys.encode();
  }
}
