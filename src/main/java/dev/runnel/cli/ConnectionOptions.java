package dev.runnel.cli;

import dev.runnel.tls.TlsFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The options by which every verb finds its server. */
final class ConnectionOptions {
  static final Option HOST =
      Option.value(
              "--host",
              "HOST",
              """
              host, host:port, [v6]:port or unix:PATH; port 7866 if none is given;
              or a name of ~/.config/runnel/config.yaml
              (default: RUNNEL_HOST, else the server on this machine)""")
          .or("-H");
  static final Option TOKEN_FILE =
      Option.value(
          "--token-file",
          "FILE",
          "the token is its first line (RUNNEL_TOKEN_FILE; or the token\nitself: RUNNEL_TOKEN)");
  static final Option TLS = Option.flag("--tls", "go through TLS (RUNNEL_TLS=true)");
  static final Option TLS_NAME =
      Option.value("--tls-name", "NAME", "whose certificate it has, if not HOST's");
  static final Option CA =
      Option.value("--ca", "FILE", "who signed it, as PEM; TLS as well (RUNNEL_CA)");
  static final Option CERT =
      Option.value("--cert", "FILE", "our own certificate, as PEM (RUNNEL_CERT)");
  static final Option KEY = Option.value("--key", "FILE", "its key (RUNNEL_KEY)");
  static final Option CONNECT_TIMEOUT =
      Option.value("--connect-timeout", "TIME", "how long a connection may take (default: 10s)");
  static final Option WAIT =
      Option.value("--wait", "TIME", "try again for so long, until the server is up");
  static final Option HELP = Option.flag("--help", "show this").or("-h");

  static final Help.Section SECTION =
      new Help.Section(
          "Where",
          List.of(HOST, TOKEN_FILE, TLS, TLS_NAME, CA, CERT, KEY, CONNECT_TIMEOUT, WAIT, HELP));
  static final List<Option> TABLE = SECTION.options();

  private static final Duration DEFAULT_CONNECT_TIMEOUT = Duration.ofSeconds(10);
  private static final Duration MIN = Duration.ofMillis(1);

  private ConnectionOptions() {}

  static Target target(Arguments arguments, Surroundings surroundings) throws Failure {
    Map<String, String> env = surroundings.env();
    String given = arguments.value(HOST);
    String preset = env.get("RUNNEL_HOST");
    String text = given != null ? given : preset == null || preset.isEmpty() ? null : preset;
    ServerSettings settings = ServerSettings.of(arguments, env, text);
    String timeout = arguments.value(CONNECT_TIMEOUT);
    String wait = arguments.value(WAIT);
    String token = token(settings, env.get("RUNNEL_TOKEN"));
    Host host =
        text == null ? null : host(settings, given == null ? "RUNNEL_HOST" : HOST.name(), text);
    return new Target(
        host == null ? null : covered(settings, host, token),
        settings.named("host") == null ? null : text,
        token,
        timeout == null ? DEFAULT_CONNECT_TIMEOUT : Durations.parse(CONNECT_TIMEOUT, timeout, MIN),
        wait == null ? null : Durations.parse(WAIT, wait, MIN));
  }

  private static Host host(ServerSettings settings, String source, String text) throws Failure {
    String named = settings.named("host");
    return named == null ? Host.parse(source, text) : Host.parse(settings.place("host"), named);
  }

  private static Host covered(ServerSettings settings, Host host, @Nullable String token)
      throws Failure {
    Boolean asked = settings.isOn(TLS, "RUNNEL_TLS", "tls");
    if (!(host instanceof Host.Tcp tcp)) {
      return host;
    }
    Path ca = settings.path(CA, "RUNNEL_CA", "ca");
    Path cert = settings.path(CERT, "RUNNEL_CERT", "cert");
    Path key = settings.path(KEY, "RUNNEL_KEY", "key");
    if ((cert == null) != (key == null)) {
      throw Failure.usage(
          (cert == null ? CERT : KEY).name() + ": missing (expected: both or none)");
    }
    boolean tls = asked == null ? ca != null || cert != null : asked;
    if (!tls) {
      return tcp.with(token == null ? Host.Clear.WITHOUT_TOKEN : Host.Clear.WITH_TOKEN);
    }
    String name = settings.value(TLS_NAME, "tls_name");
    return tcp.with(new Host.Tls(new TlsFiles(ca, cert, key), name == null ? tcp.address() : name));
  }

  private static @Nullable String token(ServerSettings settings, @Nullable String preset)
      throws Failure {
    if (!settings.isGiven(TOKEN_FILE) && preset != null && !preset.isBlank()) {
      return preset.strip();
    }
    Path file = settings.path(TOKEN_FILE, "RUNNEL_TOKEN_FILE", "token_file");
    return file == null ? null : firstLine(file);
  }

  private static String firstLine(Path file) throws Failure {
    try {
      String text = Files.readString(file);
      int end = text.indexOf('\n');
      String token = (end < 0 ? text : text.substring(0, end)).strip();
      if (token.isEmpty()) {
        throw Failure.usage(TOKEN_FILE.name() + ": the first line of " + file + " is empty");
      }
      return token;
    } catch (IOException e) {
      throw Failure.usage(TOKEN_FILE.name() + ": cannot read " + Reasons.of(e, file.toString()));
    }
  }
}
