package dev.runnel.settings;

import dev.runnel.cli.Arguments;
import dev.runnel.cli.Failure;
import dev.runnel.cli.Help;
import dev.runnel.cli.Option;
import dev.runnel.cli.VerbDefinition;
import dev.runnel.settings.Settings.Life;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A daemon's settings: the command line, else the environment, else the file. */
public final class ServeArguments {
  private static final Option LIMIT =
      Option.value("--limit", "NAME=VALUE", "sets a limit; repeatable");
  private static final Option CHECK =
      Option.flag(
          "--check",
          "read all this, the policy, tokens and certificates, say what is\nwrong with them, and end");

  /** The same, as other servers name it. */
  private static final Option CHECK_CONFIG = Option.flag("--check-config", "");

  private static final Option EMBEDDED = Option.flag("--embedded", "");

  private static final String BEFORE =
      """
      Usage: runnel serve [OPTION…]     (runneld is the same)

      Runs commands here for clients that connect. Prints "listening on …" for each listener,
      logs to stderr, and ends on SIGTERM or Ctrl-C: it refuses new jobs, waits for running
      ones, and ends the rest. Each further signal skips one of these waits. Tokens, certificates
      and the policy are read again a few seconds after their files change; on SIGHUP at once,
      and the log reports the result for each file.
      """;

  private static final String AFTER =
      """
      Each but --limit and --check is also a variable, as RUNNEL_STATE_DIR is for --state-dir (true or false
      where it takes no value), and each but --config a key of its file: state_dir, and below tls
      cert, key, client_ca and client_crl, below cluster listen, join, name, cert, key, ca and
      silence. The command line wins, then the environment, then the
      file.

      Limits, and their defaults; below the key limits in the file. Times and bytes may have a unit:
      keep_ms=10m, max_spool_bytes=2GiB.
      %s
      Exit code: 0 ended by a signal, or nothing to --check is wrong; 1 could not start;
      2 wrong usage

      Example:
        runnel token new ci --out ci.secret --tokens tokens
        runnel serve --listen 127.0.0.1:7866 --tokens tokens
      """;

  /** Whether the settings are to be read and no more. */
  public static boolean onlyChecks(Arguments arguments) {
    return arguments.has(CHECK) || arguments.has(CHECK_CONFIG);
  }

  private final Arguments given;
  private final Map<String, String> environment;

  private ServeArguments(Arguments given, Map<String, String> environment) {
    this.given = given;
    this.environment = environment;
  }

  /** The verb {@code serve}, which does that with its settings. */
  public static VerbDefinition verb(VerbDefinition.Body body) {
    StringBuilder limits = new StringBuilder();
    for (Limit limit : Limit.values()) {
      limits.append("  ").append(pad(limit.key(), 32)).append(pad(limit.show(limit.fallback()), 8));
      limits.append(limit.meaning()).append('\n');
    }
    List<Option> options = new ArrayList<>();
    for (Setting<?> setting : Setting.table()) {
      options.add(setting.option());
    }
    options.addAll(List.of(LIMIT, CHECK, CHECK_CONFIG, EMBEDDED));
    List<Help.Section> sections = List.of(new Help.Section("Options", options));
    return new VerbDefinition(BEFORE, sections, AFTER.formatted(limits), body);
  }

  private static String pad(String text, int width) {
    return text + " ".repeat(Math.max(1, width - text.length()));
  }

  /** Reads and checks all of them; blocks. */
  public static Settings read(Arguments given, Map<String, String> environment)
      throws SettingsException, Failure {
    var _ = given.expectOperands();
    return new ServeArguments(given, environment).settings();
  }

  private Settings settings() throws SettingsException, Failure {
    Path config = ofCommandLineOrEnvironment(Setting.CONFIG);
    ConfigFile file = config == null ? ConfigFile.none() : ConfigFile.read(config);
    Map<Setting<?>, Object> values = new HashMap<>(file.values());
    for (Setting<?> setting : Setting.table()) {
      Object value = ofCommandLineOrEnvironment(setting);
      if (value != null) {
        values.put(setting, value);
      }
    }
    Map<Limit, Long> limits = new EnumMap<>(Limit.class);
    limits.putAll(file.limits());
    for (String text : given.values(LIMIT)) {
      setLimit(limits, text);
    }
    return Settings.of(given.has(EMBEDDED) ? Life.EMBEDDED : Life.OWN, values, limits);
  }

  private <T> @Nullable T ofCommandLineOrEnvironment(Setting<T> setting)
      throws SettingsException, Failure {
    String flag = setting.option().name();
    if (given.has(setting.option())) {
      return parse(
          setting, flag, setting.isFlag() ? List.of("true") : given.values(setting.option()));
    }
    String text = environment.get(setting.variable());
    if (text == null || (text.isEmpty() && setting.isFlag())) {
      return null;
    }
    return parse(
        setting,
        setting.variable(),
        setting.takesMany() ? List.of(text.split(",", -1)) : List.of(text));
  }

  private static <T> T parse(Setting<T> setting, String source, List<String> texts)
      throws SettingsException {
    try {
      return setting.parse(texts);
    } catch (IllegalArgumentException e) {
      throw SettingsException.usage(source + ": " + e.getMessage());
    }
  }

  private static void setLimit(Map<Limit, Long> limits, String text) throws SettingsException {
    int equals = text.indexOf('=');
    String key = equals < 0 ? text : text.substring(0, equals);
    Limit limit = Limit.ofKey(key);
    if (limit == null) {
      throw SettingsException.usage("--limit " + text + ": unknown limit (see --help)");
    }
    if (equals < 0) {
      throw SettingsException.usage("--limit " + text + ": (expected: NAME=VALUE)");
    }
    try {
      limits.put(limit, limit.parse(text.substring(equals + 1)));
    } catch (IllegalArgumentException e) {
      throw SettingsException.usage("--limit " + key + ": " + e.getMessage());
    }
  }
}
