package dev.runnel.settings;

import dev.runnel.cli.Durations;
import dev.runnel.cli.Option;
import dev.runnel.security.identity.CidrList;
import dev.runnel.security.policy.RecordingScope;
import dev.runnel.server.ListenAddress;
import dev.runnel.server.Origin;
import dev.runnel.settings.Settings.LogFormat;
import dev.runnel.settings.Settings.LogLevel;
import dev.runnel.settings.Settings.Metrics;
import dev.runnel.settings.Settings.Watchdog;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A setting of a daemon: a row of the table that the command line, the environment, the file, the
 * help and the page in the guide are made of. Its key gives it its other names: {@code tls.cert} is
 * {@code --tls-cert} and {@code RUNNEL_TLS_CERT}, and {@code cert} below {@code tls} in the file. A
 * new setting is a row here and its use; a number with bounds is a {@link Limit}.
 *
 * @param <T> what its text is read as
 */
public final class Setting<T> {
  /** How many values it takes. */
  private enum Arity {
    NONE,
    ONE,
    MANY
  }

  private static final List<Setting<?>> TABLE = new ArrayList<>();

  public static final Setting<List<ListenAddress>> LISTEN =
      many(
          "listen",
          "WHERE",
          Addresses::all,
          null,
          """
          HOST:PORT, [V6]:PORT (port 0: a free one) or unix:PATH; repeatable;
          default: a Unix socket in your runtime folder""");
  public static final Setting<ListenAddress.Tcp> SEED_LISTEN =
      one(
          "seed_listen",
          "WHERE",
          Addresses::loopback,
          """
          a loopback HOST:PORT for clients of the original Python example;
          needs --insecure (see PROTOCOL.md)""");
  public static final Setting<ListenAddress> HTTP =
      one(
          "http",
          "WHERE",
          Addresses::any,
          """
          HOST:PORT, [V6]:PORT or unix:PATH where /livez, /readyz and /metrics
          are answered (see docs/guide/monitoring.md), and frames come over
          WebSockets at /v1/frames""");
  public static final Setting<List<Origin>> HTTP_ORIGIN =
      many(
          "http_origin",
          "ORIGIN",
          texts -> texts.stream().map(Origin::parse).toList(),
          List.of(),
          """
          https://HOST[:PORT] whose pages may connect there, besides those that
          come from the same host and port; repeatable""");
  public static final Setting<Boolean> CONSOLE =
      flag(
          "console",
          """
          a page at / of that listener to look at jobs and start commands with
          a browser (see docs/guide/console.md)""");
  public static final Setting<Metrics> METRICS =
      choice(
          "metrics",
          Metrics.GUARDED,
          """
          who may read /metrics where others reach it: those with a token or
          a certificate (the default), all, or nobody""");
  public static final Setting<Path> TOKENS =
      file(
          "tokens",
          """
          tokens that TCP clients need; lines of NAME SHA256, as runnel token
          new prints them""");
  public static final Setting<Path> POLICY =
      file(
          "policy",
          """
          YAML that says who may run what; read again when it changes (see
          docs/guide/servers-and-security.md)""");
  static final Setting<String> AUDIT =
      one(
          "audit",
          "WHERE",
          Function.identity(),
          """
          a JSON line for each start, denial, signal and end, to a file or
          stdout; a command that cannot be recorded is not started""");
  static final Setting<Boolean> AUDIT_ARGV =
      flag("audit_argv", "arguments too, not only their digest");
  static final Setting<Boolean> AUDIT_OPTIONAL =
      flag("audit_optional", "start commands even if they cannot be recorded");
  static final Setting<Path> RECORD_DIR =
      one(
          "record_dir",
          "FOLDER",
          Path::of,
          """
          records what jobs print there, as asciicast files for runnel play""");
  static final Setting<RecordingScope> RECORD =
      choice(
          "record",
          RecordingScope.TERMINALS,
          "which jobs; default: terminals; a rule may say otherwise");
  static final Setting<String> STATE_DIR =
      one(
          "state_dir",
          "FOLDER",
          Function.identity(),
          """
          where output of jobs that spool goes, to be read after a restart
          too; none: nowhere; default: $XDG_STATE_HOME/runnel, else
          /var/lib/runnel as root, else ~/.local/state/runnel""");
  static final Setting<Path> TLS_CERT =
      file(
          "tls.cert",
          """
          PEM: TCP listeners speak TLS with this certificate, followed by
          those between it and its root""");
  static final Setting<Path> TLS_KEY = file("tls.key", "PEM: the certificate's key");
  static final Setting<Path> TLS_CLIENT_CA =
      file("tls.client_ca", "PEM: lets in clients with a certificate of this CA's");
  static final Setting<Path> TLS_CLIENT_CRL =
      file(
          "tls.client_crl",
          """
          PEM: revocation lists of that CA and of those below it; a
          certificate that no list in force covers is refused""");
  public static final Setting<Boolean> CLEAN_ENV =
      flag(
          "clean_env",
          """
          commands have PATH, LANG, LC_*, TZ, HOME, USER, LOGNAME and SHELL of
          the daemon's environment, and no more; those of another user always
          begin so, with that user's last four""");
  public static final Setting<Boolean> DUMPABLE =
      flag(
          "dumpable",
          """
          lets processes of the daemon's user look into its memory, where
          tokens and keys are: debuggers, jcmd, core dumps""");
  static final Setting<CidrList> PENALTY_EXEMPT =
      many(
          "penalty_exempt",
          "NETWORK",
          CidrList::of,
          CidrList.NONE,
          """
          failed logins from there are not counted, such as 10.0.0.0/8;
          repeatable""");
  static final Setting<Boolean> INSECURE =
      flag(
          "insecure",
          """
          lets TCP clients in without tokens, or tokens cross the network in
          clear""");
  static final Setting<Path> CONFIG =
      file("config", "YAML with the keys of these settings, and limits");
  public static final Setting<LogLevel> LOG_LEVEL =
      choice("log_level", LogLevel.INFO, "how much is logged; default: info");
  public static final Setting<LogFormat> LOG_FORMAT =
      choice("log_format", LogFormat.TEXT, "how a line is logged; default: text");
  static final Setting<Duration> SHUTDOWN_GRACE =
      one(
          "shutdown_grace",
          "TIME",
          Durations::parse,
          "how long jobs may go on once it is to end: 30s; default: 10s");
  static final Setting<Watchdog> WATCHDOG =
      choice(
          "watchdog",
          Watchdog.AUTO,
          """
          whether a small process ends the jobs if this one is killed; auto (the
          default): unless systemd or the pid namespace is known to""");

  static final Setting<String> NODE =
      one("node", "NAME", Addresses::nodeName, "this node's name; default: the host's");
  static final Setting<Map<String, String>> LABEL =
      many(
          "label",
          "KEY=VALUE",
          Addresses::labels,
          Map.of(),
          "by which runs choose this node of a cluster; repeatable");
  static final Setting<ListenAddress.Tcp> CLUSTER_LISTEN =
      one(
          "cluster.listen",
          "HOST:PORT",
          Addresses::member,
          """
          be a node of a cluster: there, and on the next port, the other nodes
          reach this one, and nobody else may (see docs/guide/cluster.md)""");
  static final Setting<List<String>> CLUSTER_JOIN =
      many(
          "cluster.join",
          "WHERE",
          Addresses::members,
          List.of(),
          """
          where other nodes may be: HOST, HOST:PORT or dns:NAME, of which all
          addresses count; with commas, or repeatable""");
  static final Setting<String> CLUSTER_NAME =
      one(
          "cluster.name",
          "NAME",
          Addresses::clusterName,
          "only nodes of one name join each other; default: runnel");
  static final Setting<Path> CLUSTER_CERT =
      file(
          "cluster.cert",
          """
          PEM: this node's certificate, with the URI runnel://CLUSTER/NODE;
          needed unless all nodes are on loopback addresses""");
  static final Setting<Path> CLUSTER_KEY = file("cluster.key", "PEM: the certificate's key");
  static final Setting<Path> CLUSTER_CA =
      file("cluster.ca", "PEM: whose certificates the nodes have");
  static final Setting<Duration> CLUSTER_SILENCE =
      one(
          "cluster.silence",
          "TIME",
          Addresses::silence,
          """
          after so long without a sign of life a node is lost, and its jobs
          with it; default: 8s""");

  private final String key;
  private final Arity arity;
  private final Option option;
  private final Function<List<String>, T> parser;
  private final @Nullable T fallback;

  private Setting(
      String key,
      Arity arity,
      Option option,
      Function<List<String>, T> parser,
      @Nullable T fallback) {
    this.key = key;
    this.arity = arity;
    this.option = option;
    this.parser = parser;
    this.fallback = fallback;
  }

  private static <T> Setting<T> row(Setting<T> setting) {
    TABLE.add(setting);
    return setting;
  }

  private static <T> Setting<T> many(
      String key,
      String value,
      Function<List<String>, T> parser,
      @Nullable T fallback,
      String help) {
    Option option = Option.value(flagOf(key), value, help);
    return row(new Setting<>(key, Arity.MANY, option, parser, fallback));
  }

  private static <T> Setting<T> one(
      String key, String value, Function<String, T> parser, String help) {
    return one(key, Option.value(flagOf(key), value, help), parser, null);
  }

  private static <T> Setting<T> one(
      String key, Option option, Function<String, T> parser, @Nullable T fallback) {
    Function<List<String>, T> last = texts -> parser.apply(texts.getLast());
    return row(new Setting<>(key, Arity.ONE, option, last, fallback));
  }

  private static Setting<Path> file(String key, String help) {
    return one(key, "FILE", Path::of, help);
  }

  private static <E extends Enum<E>> Setting<E> choice(String key, E fallback, String help) {
    Class<E> type = fallback.getDeclaringClass();
    Option option = Option.value(flagOf(key), String.join("|", names(type)), help);
    return one(key, option, text -> choice(type, text), fallback);
  }

  private static Setting<Boolean> flag(String key, String help) {
    Function<List<String>, Boolean> parser = texts -> onOrOff(texts.getFirst());
    return row(new Setting<>(key, Arity.NONE, Option.flag(flagOf(key), help), parser, false));
  }

  private static String flagOf(String key) {
    return "--" + key.replace('.', '-').replace('_', '-');
  }

  /** Every setting, in the order of the help. */
  static List<Setting<?>> table() {
    return List.copyOf(TABLE);
  }

  /** Its name in the file; below another one where there is a dot. */
  String key() {
    return key;
  }

  /** Whether the file can have it: not the one that names the file. */
  boolean isOfFile() {
    return this != CONFIG;
  }

  Option option() {
    return option;
  }

  /** The environment variable that sets it. */
  String variable() {
    return "RUNNEL_" + key.replace('.', '_').toUpperCase(Locale.ROOT);
  }

  boolean isFlag() {
    return arity == Arity.NONE;
  }

  boolean takesMany() {
    return arity == Arity.MANY;
  }

  /** What it is where nobody sets it; null: nothing. */
  @Nullable T fallback() {
    return fallback;
  }

  /**
   * What these texts mean, of which there is at least one.
   *
   * @throws IllegalArgumentException saying what the text is and what was expected
   */
  T parse(List<String> texts) {
    if (!isFlag() && texts.contains("")) {
      throw new IllegalArgumentException("its value is empty (expected: " + option.value() + ")");
    }
    return parser.apply(texts);
  }

  /** Likewise of a flag in words. */
  static boolean onOrOff(String text) {
    return switch (text) {
      case "true" -> true;
      case "false" -> false;
      default -> throw new IllegalArgumentException(text + " (expected: true or false)");
    };
  }

  /**
   * The constant of that name, in lower case.
   *
   * @throws IllegalArgumentException that says which ones there are
   */
  static <E extends Enum<E>> E choice(Class<E> type, String text) {
    List<String> names = names(type);
    int found = names.indexOf(text);
    if (found >= 0) {
      return type.getEnumConstants()[found];
    }
    int last = names.size() - 1;
    String others = String.join(", ", names.subList(0, last));
    throw new IllegalArgumentException(
        text + " (expected: " + others + " or " + names.get(last) + ")");
  }

  private static List<String> names(Class<? extends Enum<?>> type) {
    return Arrays.stream(type.getEnumConstants())
        .map(each -> each.name().toLowerCase(Locale.ROOT))
        .toList();
  }
}
