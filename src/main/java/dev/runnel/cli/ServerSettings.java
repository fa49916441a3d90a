package dev.runnel.cli;

import dev.runnel.files.CurrentUser;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How a server is reached, from three places: the command line, else the environment, else what the
 * user's file says of the name.
 */
final class ServerSettings {
  private final Arguments arguments;
  private final Map<String, String> env;
  private final Map<String, String> named;
  private final @Nullable Path file;

  private ServerSettings(
      Arguments arguments,
      Map<String, String> env,
      Map<String, String> named,
      @Nullable Path file) {
    this.arguments = arguments;
    this.env = env;
    this.named = named;
    this.file = file;
  }

  /** Reads the file if the host may be a name that stands in it. */
  static ServerSettings of(Arguments arguments, Map<String, String> env, @Nullable String host)
      throws Failure {
    Path file = host == null || !HostsFile.isName(host) ? null : HostsFile.of(env);
    Map<String, String> named =
        file == null ? null : HostsFile.find(file, Objects.requireNonNull(host));
    return new ServerSettings(arguments, env, named == null ? Map.of() : named, file);
  }

  /** What the file says of one thing; null: nothing. */
  @Nullable String named(String key) {
    return named.get(key);
  }

  /** What the file says of the commands there. */
  Target.Defaults defaults() throws Failure {
    if (named.isEmpty()) {
      return Target.Defaults.NONE;
    }
    String cwd = named.get("cwd");
    if (cwd != null && !cwd.startsWith("/")) {
      throw Failure.usage(place("cwd") + ": " + cwd + " (expected: an absolute path)");
    }
    Map<String, String> variables = new LinkedHashMap<>();
    named.forEach(
        (key, value) -> {
          if (key.startsWith(HostsFile.ENV)) {
            variables.put(key.substring(HostsFile.ENV.length()), value);
          }
        });
    return new Target.Defaults(named.get("user"), cwd, linger(), variables);
  }

  private @Nullable Duration linger() throws Failure {
    String text = named.get("linger");
    try {
      return text == null ? null : Durations.parse(text);
    } catch (IllegalArgumentException e) {
      throw Failure.usage(place("linger") + ": " + e.getMessage());
    }
  }

  /** Where the file says it. */
  String place(String key) {
    return file + ": " + key;
  }

  boolean isGiven(Option option) {
    return arguments.has(option);
  }

  /** A value from the command line, else from the file. */
  @Nullable String value(Option option, String key) throws Failure {
    String given = arguments.value(option);
    return given == null ? named.get(key) : given;
  }

  /** A file's path from any of the places; in the file it is relative to the file. */
  @Nullable Path path(Option option, String variable, String key) throws Failure {
    String given = arguments.value(option);
    String preset = env.get(variable);
    if (given == null && preset != null && !preset.isEmpty()) {
      given = preset;
    }
    if (given != null) {
      return Path.of(given);
    }
    String said = named.get(key);
    if (said == null || file == null) {
      return null;
    }
    String home = CurrentUser.home(env);
    return said.startsWith("~/") && home != null
        ? Path.of(home, said.substring(2))
        : file.resolveSibling(said);
  }

  /** Whether something is on; null: nobody says. */
  @Nullable Boolean isOn(Option option, String variable, String key) throws Failure {
    if (arguments.has(option)) {
      return true;
    }
    String preset = env.get(variable);
    if (preset != null && !preset.isEmpty()) {
      return isTrue(variable, preset);
    }
    String said = named.get(key);
    return said == null ? null : isTrue(place(key), said);
  }

  private static boolean isTrue(String source, String text) throws Failure {
    if (!text.equals("true") && !text.equals("false")) {
      throw Failure.usage(source + ": " + text + " (expected: true or false)");
    }
    return text.equals("true");
  }
}
