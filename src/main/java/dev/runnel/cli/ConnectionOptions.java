package dev.runnel.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The options by which every verb finds its server. */
final class ConnectionOptions {
  static final Option HOST =
      Option.value(
              "--host",
              "HOST",
              "host, host:port, [v6]:port or unix:PATH; port 7866 if none is given\n"
                  + "(default: RUNNEL_HOST, else the server on this machine)")
          .or("-H");
  static final Option TOKEN_FILE =
      Option.value("--token-file", "FILE", "the token is its first line (default: RUNNEL_TOKEN)");
  static final Option CONNECT_TIMEOUT =
      Option.value("--connect-timeout", "TIME", "how long a connection may take (default: 10s)");
  static final Option WAIT =
      Option.value("--wait", "TIME", "try again for so long, until the server is up");
  static final Option HELP = Option.flag("--help", "show this").or("-h");

  static final Help.Section SECTION =
      new Help.Section("Where", List.of(HOST, TOKEN_FILE, CONNECT_TIMEOUT, WAIT, HELP));
  static final List<Option> TABLE = SECTION.options();

  private static final Duration DEFAULT_CONNECT_TIMEOUT = Duration.ofSeconds(10);
  private static final Duration MIN = Duration.ofMillis(1);

  private ConnectionOptions() {}

  static Target target(Arguments arguments, Surroundings surroundings) throws Failure {
    String timeout = arguments.value(CONNECT_TIMEOUT);
    String wait = arguments.value(WAIT);
    return new Target(
        host(arguments.value(HOST), surroundings.env().get("RUNNEL_HOST")),
        token(arguments.value(TOKEN_FILE), surroundings.env().get("RUNNEL_TOKEN")),
        timeout == null ? DEFAULT_CONNECT_TIMEOUT : Durations.parse(CONNECT_TIMEOUT, timeout, MIN),
        wait == null ? null : Durations.parse(WAIT, wait, MIN));
  }

  private static @Nullable Host host(@Nullable String given, @Nullable String preset)
      throws Failure {
    if (given != null) {
      return Host.parse(HOST.name(), given);
    }
    return preset == null || preset.isEmpty() ? null : Host.parse("RUNNEL_HOST", preset);
  }

  private static @Nullable String token(@Nullable String file, @Nullable String preset)
      throws Failure {
    if (file == null) {
      return preset == null || preset.isBlank() ? null : preset.strip();
    }
    try {
      String text = Files.readString(Path.of(file));
      int end = text.indexOf('\n');
      String token = (end < 0 ? text : text.substring(0, end)).strip();
      if (token.isEmpty()) {
        throw Failure.usage(TOKEN_FILE.name() + ": the first line of " + file + " is empty");
      }
      return token;
    } catch (IOException e) {
      throw Failure.usage(TOKEN_FILE.name() + ": cannot read " + Reasons.of(e, file));
    }
  }
}
