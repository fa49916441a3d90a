package dev.runnel.settings;

import dev.runnel.cli.Durations;
import dev.runnel.files.RuntimeDirectory;
import dev.runnel.process.engine.NativeEngine;
import dev.runnel.security.audit.AuditLog;
import dev.runnel.security.audit.AuditLog.Options.Arguments;
import dev.runnel.security.audit.AuditLog.Options.OnFailure;
import dev.runnel.security.identity.CidrList;
import dev.runnel.server.ListenAddress;
import dev.runnel.settings.Settings.Life;
import dev.runnel.settings.Settings.LogLevel;
import dev.runnel.settings.Settings.Memory;
import dev.runnel.settings.Settings.OpenTcp;
import dev.runnel.tls.TlsFiles;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A daemon's settings: the command line, else the environment, else the file. */
public final class ServeArguments {
  private final List<String> listen = new ArrayList<>();
  private final Map<Limit, Long> limits = new EnumMap<>(Limit.class);
  private @Nullable String seedListen;
  private @Nullable String tokens;
  private @Nullable String policy;
  private @Nullable String audit;
  private @Nullable String recordDir;
  private @Nullable String record;
  private @Nullable String stateDir;
  private boolean auditArguments;
  private boolean auditOptional;
  private boolean cleanEnvironment;
  private boolean dumpable;
  private final List<String> penaltyExempt = new ArrayList<>();
  private @Nullable String tlsCert;
  private @Nullable String tlsKey;
  private @Nullable String tlsClientCa;
  private @Nullable String tlsClientCrl;
  private @Nullable String config;
  private @Nullable String logLevel;
  private @Nullable String shutdownGrace;
  private @Nullable String watchdog;
  private boolean insecure;
  private Life life = Life.OWN;

  private ServeArguments() {}

  /** Whether help was asked for. */
  public static boolean asksForHelp(List<String> arguments) {
    return arguments.contains("--help") || arguments.contains("-h");
  }

  public static Settings parse(List<String> arguments, Map<String, String> environment)
      throws SettingsException {
    ServeArguments parsed = new ServeArguments();
    for (int i = 0; i < arguments.size(); ) {
      i += parsed.take(arguments, i);
    }
    return parsed.settings(environment);
  }

  // Takes one option and says how many arguments it was made of.
  private int take(List<String> arguments, int at) throws SettingsException {
    String argument = arguments.get(at);
    switch (argument) {
      case "--insecure" -> insecure = true;
      case "--audit-argv" -> auditArguments = true;
      case "--audit-optional" -> auditOptional = true;
      case "--clean-env" -> cleanEnvironment = true;
      case "--dumpable" -> dumpable = true;
      case "--embedded" -> life = Life.EMBEDDED;
      default -> {
        int equals = argument.startsWith("--") ? argument.indexOf('=') : -1;
        if (equals > 0) {
          set(argument.substring(0, equals), argument.substring(equals + 1));
          return 1;
        }
        checkKnown(argument);
        if (at + 1 == arguments.size()) {
          throw SettingsException.usage(argument + ": a value is missing");
        }
        set(argument, arguments.get(at + 1));
        return 2;
      }
    }
    return 1;
  }

  private static void checkKnown(String option) throws SettingsException {
    switch (option) {
      case "--listen",
          "--seed-listen",
          "--tokens",
          "--policy",
          "--audit",
          "--record-dir",
          "--record",
          "--state-dir",
          "--tls-cert",
          "--tls-key",
          "--tls-client-ca",
          "--tls-client-crl",
          "--penalty-exempt",
          "--config",
          "--log-level",
          "--shutdown-grace",
          "--watchdog",
          "--limit" -> {}
      default -> throw SettingsException.usage(option + ": unknown option");
    }
  }

  private void set(String option, String value) throws SettingsException {
    if (value.isEmpty()) {
      throw SettingsException.usage(option + ": its value is empty");
    }
    switch (option) {
      case "--listen" -> listen.add(value);
      case "--seed-listen" -> seedListen = value;
      case "--tokens" -> tokens = value;
      case "--policy" -> policy = value;
      case "--audit" -> audit = value;
      case "--record-dir" -> recordDir = value;
      case "--record" -> record = value;
      case "--state-dir" -> stateDir = value;
      case "--tls-cert" -> tlsCert = value;
      case "--tls-key" -> tlsKey = value;
      case "--tls-client-ca" -> tlsClientCa = value;
      case "--tls-client-crl" -> tlsClientCrl = value;
      case "--penalty-exempt" -> penaltyExempt.add(value);
      case "--config" -> config = value;
      case "--log-level" -> logLevel = value;
      case "--shutdown-grace" -> shutdownGrace = value;
      case "--watchdog" -> watchdog = value;
      case "--limit" -> setLimit(value);
      default -> throw SettingsException.usage(option + ": unknown option");
    }
  }

  private void setLimit(String text) throws SettingsException {
    int equals = text.indexOf('=');
    Limit limit = Limit.ofKey(equals < 0 ? text : text.substring(0, equals));
    if (limit == null) {
      throw SettingsException.usage("--limit " + text + ": unknown limit (see --help)");
    }
    try {
      limits.put(limit, limit.check(Long.parseLong(text.substring(equals + 1))));
    } catch (NumberFormatException _) {
      throw SettingsException.usage("--limit " + text + ": (expected: NAME=NUMBER)");
    } catch (SettingsException e) {
      throw SettingsException.usage("--limit " + e.getMessage());
    }
  }

  private Settings settings(Map<String, String> environment) throws SettingsException {
    String configPath = config == null ? environment.get("RUNNEL_CONFIG") : config;
    ConfigFile file = configPath == null ? ConfigFile.NONE : ConfigFile.read(Path.of(configPath));
    String tokensPath = first(tokens, environment.get("RUNNEL_TOKENS"), file.tokens());
    boolean open = isOn(insecure, "RUNNEL_INSECURE", environment, file.insecure());
    Settings settings =
        new Settings(
            listens(environment, file),
            seedListen(first(seedListen, environment.get("RUNNEL_SEED_LISTEN"), file.seedListen())),
            tokensPath == null ? null : Path.of(tokensPath),
            path(first(policy, environment.get("RUNNEL_POLICY"), file.policy())),
            audit(environment, file),
            RecordSettings.of(
                first(recordDir, environment.get("RUNNEL_RECORD_DIR"), file.recordDir()),
                first(record, environment.get("RUNNEL_RECORD"), file.record())),
            tls(environment, file.tls()),
            state(environment, file),
            isOn(cleanEnvironment, "RUNNEL_CLEAN_ENV", environment, file.cleanEnv())
                ? NativeEngine.Inheritance.CLEAN
                : NativeEngine.Inheritance.ALL,
            isOn(dumpable, "RUNNEL_DUMPABLE", environment, file.dumpable())
                ? Memory.DUMPABLE
                : Memory.CLOSED,
            exempt(environment, file),
            open ? OpenTcp.INSECURE : OpenTcp.REFUSED,
            level(first(logLevel, environment.get("RUNNEL_LOG_LEVEL"), file.logLevel())),
            life,
            ending(environment, file),
            limits(file));
    checkTcp(settings);
    checkSeed(settings);
    return settings;
  }

  // One that is somebody's own for a moment leaves nothing behind.
  private @Nullable StateDirectory state(Map<String, String> environment, ConfigFile file) {
    return life == Life.EMBEDDED
        ? null
        : StateDirectory.of(
            first(stateDir, environment.get("RUNNEL_STATE_DIR"), file.stateDir()), environment);
  }

  private @Nullable AuditSettings audit(Map<String, String> environment, ConfigFile file)
      throws SettingsException {
    String to = first(audit, environment.get("RUNNEL_AUDIT"), file.audit());
    boolean all = isOn(auditArguments, "RUNNEL_AUDIT_ARGV", environment, file.auditArgv());
    boolean optional =
        isOn(auditOptional, "RUNNEL_AUDIT_OPTIONAL", environment, file.auditOptional());
    return to == null
        ? null
        : new AuditSettings(
            to,
            new AuditLog.Options(
                all ? Arguments.WRITTEN : Arguments.DIGEST,
                optional ? OnFailure.GO_ON : OnFailure.REFUSE));
  }

  private static @Nullable Path path(@Nullable String text) {
    return text == null ? null : Path.of(text);
  }

  private @Nullable TlsFiles tls(Map<String, String> environment, ConfigFile.@Nullable Tls file)
      throws SettingsException {
    ConfigFile.Tls of = file == null ? new ConfigFile.Tls(null, null, null, null) : file;
    String cert = first(tlsCert, environment.get("RUNNEL_TLS_CERT"), of.cert());
    String key = first(tlsKey, environment.get("RUNNEL_TLS_KEY"), of.key());
    String ca = first(tlsClientCa, environment.get("RUNNEL_TLS_CLIENT_CA"), of.clientCa());
    String crl = first(tlsClientCrl, environment.get("RUNNEL_TLS_CLIENT_CRL"), of.clientCrl());
    if (cert == null && key == null && ca == null && crl == null) {
      return null;
    }
    if (crl != null && ca == null) {
      throw SettingsException.usage("--tls-client-crl: given without --tls-client-ca");
    }
    if (cert == null || key == null) {
      throw SettingsException.usage(
          "TLS: "
              + (cert == null ? "--tls-cert" : "--tls-key")
              + " is missing (expected: --tls-cert FILE and --tls-key FILE)");
    }
    return new TlsFiles(path(ca), Path.of(cert), Path.of(key), path(crl));
  }

  private static @Nullable String first(
      @Nullable String flag, @Nullable String environment, @Nullable String file) {
    return flag != null ? flag : environment != null ? environment : file;
  }

  private static boolean isOn(
      boolean flag, String name, Map<String, String> environment, @Nullable Boolean file)
      throws SettingsException {
    String word = environment.getOrDefault(name, "");
    return switch (word) {
      case "" -> flag || Boolean.TRUE.equals(file);
      case "true" -> true;
      case "false" -> flag;
      default -> throw SettingsException.usage(name + ": " + word + " (expected: true or false)");
    };
  }

  // On the command line, else in the environment, else in the file.
  private static List<String> several(
      List<String> given, @Nullable String ofEnvironment, @Nullable List<String> ofFile) {
    if (!given.isEmpty()) {
      return given;
    }
    if (ofEnvironment != null) {
      return List.of(ofEnvironment.split(",", -1));
    }
    return ofFile == null ? List.of() : ofFile;
  }

  private CidrList exempt(Map<String, String> environment, ConfigFile file)
      throws SettingsException {
    try {
      return CidrList.of(
          several(penaltyExempt, environment.get("RUNNEL_PENALTY_EXEMPT"), file.penaltyExempt()));
    } catch (IllegalArgumentException e) {
      throw SettingsException.usage("--penalty-exempt " + e.getMessage());
    }
  }

  private List<ListenAddress> listens(Map<String, String> environment, ConfigFile file)
      throws SettingsException {
    List<String> texts =
        new ArrayList<>(several(listen, environment.get("RUNNEL_LISTEN"), file.listen()));
    if (texts.isEmpty()) {
      texts.add("unix:" + RuntimeDirectory.defaultSocket());
    }
    List<ListenAddress> listens = new ArrayList<>();
    for (String text : texts) {
      listens.add(listen(text));
    }
    return listens;
  }

  private static ListenAddress listen(String text) throws SettingsException {
    if (text.startsWith("unix:") && text.length() > "unix:".length()) {
      return new ListenAddress.Unix(
          Path.of(text.substring("unix:".length())).toAbsolutePath().toString());
    }
    ListenAddress.Tcp tcp = tcp(text);
    if (tcp == null) {
      throw SettingsException.usage(
          "--listen " + text + ": (expected: HOST:PORT, [V6]:PORT or unix:PATH)");
    }
    return tcp;
  }

  // The address itself rather than its name: nobody looks the name up again and gets another.
  private static ListenAddress.@Nullable Tcp seedListen(@Nullable String text)
      throws SettingsException {
    if (text == null) {
      return null;
    }
    ListenAddress.Tcp tcp = tcp(text);
    if (tcp == null) {
      throw SettingsException.usage(
          "--seed-listen " + text + ": (expected: HOST:PORT or [V6]:PORT)");
    }
    try {
      InetAddress address = InetAddress.getByName(tcp.host());
      if (address.isLoopbackAddress()) {
        String host = address instanceof Inet6Address ? "::1" : address.getHostAddress();
        return new ListenAddress.Tcp(host, tcp.port());
      }
    } catch (UnknownHostException _) {
      // It is no loopback address, either.
    }
    throw SettingsException.usage(
        "--seed-listen "
            + text
            + ": not a loopback address (expected: 127.0.0.1:PORT or [::1]:PORT)");
  }

  private static ListenAddress.@Nullable Tcp tcp(String text) {
    int colon = text.lastIndexOf(':');
    String host = colon < 0 ? "" : text.substring(0, colon);
    boolean bracketed = host.startsWith("[") && host.endsWith("]");
    if (host.isEmpty() || (host.indexOf(':') >= 0 && !bracketed)) {
      return null;
    }
    try {
      int port = Integer.parseInt(text.substring(colon + 1));
      return port < 0 || port > 65_535
          ? null
          : new ListenAddress.Tcp(bracketed ? host.substring(1, host.length() - 1) : host, port);
    } catch (NumberFormatException _) {
      return null;
    }
  }

  private static LogLevel level(@Nullable String text) throws SettingsException {
    if (text == null) {
      return LogLevel.INFO;
    }
    for (LogLevel level : LogLevel.values()) {
      if (level.name().toLowerCase(Locale.ROOT).equals(text)) {
        return level;
      }
    }
    throw SettingsException.usage(
        "--log-level " + text + ": (expected: error, warn, info or debug)");
  }

  // An embedded daemon ends because its client has: nobody is left to wait for a job.
  private Settings.Ending ending(Map<String, String> environment, ConfigFile file)
      throws SettingsException {
    String grace =
        first(shutdownGrace, environment.get("RUNNEL_SHUTDOWN_GRACE"), file.shutdownGrace());
    Duration fallback = life == Life.EMBEDDED ? Duration.ZERO : Settings.Ending.DEFAULT_GRACE;
    return new Settings.Ending(
        grace == null ? fallback : grace(grace),
        watchdog(first(watchdog, environment.get("RUNNEL_WATCHDOG"), file.watchdog())));
  }

  private static Duration grace(String text) throws SettingsException {
    try {
      return Durations.parse(text);
    } catch (IllegalArgumentException e) {
      throw SettingsException.usage("--shutdown-grace " + e.getMessage());
    }
  }

  private static Settings.Watchdog watchdog(@Nullable String text) throws SettingsException {
    return switch (text) {
      case null -> Settings.Watchdog.AUTO;
      case "auto" -> Settings.Watchdog.AUTO;
      case "on" -> Settings.Watchdog.ON;
      case "off" -> Settings.Watchdog.OFF;
      default ->
          throw SettingsException.usage("--watchdog " + text + ": (expected: auto, on or off)");
    };
  }

  private Map<Limit, Long> limits(ConfigFile file) {
    Map<Limit, Long> all = new EnumMap<>(Limit.class);
    for (Map.Entry<String, Long> entry : file.limits().entrySet()) {
      Limit limit = Limit.ofKey(entry.getKey());
      if (limit != null) {
        all.put(limit, entry.getValue());
      }
    }
    all.putAll(limits);
    return all;
  }

  private static void checkTcp(Settings settings) throws SettingsException {
    for (ListenAddress listen : settings.listen()) {
      if (listen instanceof ListenAddress.Tcp tcp && settings.openTcp() == OpenTcp.REFUSED) {
        checkTcp(settings, tcp);
      }
    }
  }

  // Loopback included: any local user or sidecar could run commands as the daemon's user.
  private static void checkTcp(Settings settings, ListenAddress.Tcp tcp) throws SettingsException {
    TlsFiles tls = settings.tls();
    if (settings.tokens() == null && (tls == null || tls.ca() == null)) {
      throw SettingsException.usage(
          "--listen "
              + tcp
              + ": whoever reaches it could run commands here; give --tokens FILE (see runnel"
              + " token --help), or --insecure if that is meant");
    }
    if (tls == null && !isLoopback(tcp)) {
      throw SettingsException.usage(
          "--listen "
              + tcp
              + ": tokens and output would cross the network in clear; give --tls-cert FILE and"
              + " --tls-key FILE, or --insecure if that is meant");
    }
  }

  private static boolean isLoopback(ListenAddress.Tcp tcp) {
    try {
      return InetAddress.getByName(tcp.host()).isLoopbackAddress();
    } catch (UnknownHostException _) {
      return false;
    }
  }

  // Its clients know of no tokens: with or without them, it is open to every local user.
  private static void checkSeed(Settings settings) throws SettingsException {
    if (settings.seedListen() != null && settings.openTcp() == OpenTcp.REFUSED) {
      throw SettingsException.usage(
          "--seed-listen "
              + settings.seedListen()
              + ": whoever reaches it could run commands here, without a token; give --insecure if"
              + " that is meant");
    }
  }
}
