package dev.runnel.cli;

import dev.runnel.files.SecretFiles;
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
              several nodes of one cluster with commas: the first that answers;
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
      Option.value("--wait", "TIME", "try again for so long, until the server is up and takes us");
  static final Option VERBOSE =
      Option.flag("--verbose", "say on stderr how the server is reached").or("-v");

  static final Help.Section SECTION =
      new Help.Section(
          "Where",
          List.of(HOST, TOKEN_FILE, TLS, TLS_NAME, CA, CERT, KEY, CONNECT_TIMEOUT, WAIT, VERBOSE));

  private static final Duration DEFAULT_CONNECT_TIMEOUT = Duration.ofSeconds(10);
  private static final Duration MIN = Duration.ofMillis(1);

  private ConnectionOptions() {}

  static Target target(Arguments arguments, CliContext surroundings) throws Failure {
    Map<String, String> env = surroundings.env();
    String given = arguments.value(HOST);
    String preset = env.get("RUNNEL_HOST");
    // A script whose variable lost its value would run its commands here instead.
    if (given == null && preset != null && preset.isBlank()) {
      throw Failure.usage(
          "RUNNEL_HOST: it is empty (expected: a host; for this machine, unset RUNNEL_HOST)");
    }
    String text = given != null ? given : preset;
    ServerSettings settings = ServerSettings.of(arguments, env, text);
    String timeout = arguments.value(CONNECT_TIMEOUT);
    String wait = arguments.value(WAIT);
    OutputDescriptor details = arguments.has(VERBOSE) ? surroundings.err() : null;
    OutputDescriptor warnings = arguments.has(ExecOptions.QUIET) ? null : surroundings.err();
    String token = presetToken(settings, env);
    Path tokenFile = token == null ? tokenFile(settings) : null;
    if (details != null) {
      String from = tokenFile == null ? token == null ? "none" : "RUNNEL_TOKEN" : "" + tokenFile;
      details.tryPrintLine("token: " + from);
    }
    if (tokenFile != null) {
      token = firstLine(tokenFile);
      warnIfOpen(tokenFile, warnings);
    }
    Host host =
        text == null ? null : host(settings, given == null ? "RUNNEL_HOST" : HOST.name(), text);
    Host covered = host == null ? null : covered(settings, host, token);
    if (covered instanceof Host.Tcp tcp && tcp.cover() instanceof Host.Tls tls) {
      warnIfOpen(tls.files().key(), warnings);
    }
    return new Target(
        covered,
        settings.named("host") == null ? null : text,
        token,
        timeout == null ? DEFAULT_CONNECT_TIMEOUT : Durations.parse(CONNECT_TIMEOUT, timeout, MIN),
        wait == null ? null : Durations.parse(WAIT, wait, MIN),
        settings.defaults(),
        details);
  }

  // As ssh does for keys, which it refuses then; but a Secret of Kubernetes is so by default.
  private static void warnIfOpen(@Nullable Path file, @Nullable OutputDescriptor warnings) {
    if (file != null && warnings != null && SecretFiles.isOpen(file)) {
      warnings.tryPrintLine(SecretFiles.warning(file));
    }
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

  private static @Nullable String presetToken(ServerSettings settings, Map<String, String> env) {
    String preset = env.get("RUNNEL_TOKEN");
    return settings.isGiven(TOKEN_FILE) || preset == null || preset.isBlank()
        ? null
        : preset.strip();
  }

  private static @Nullable Path tokenFile(ServerSettings settings) throws Failure {
    return settings.path(TOKEN_FILE, "RUNNEL_TOKEN_FILE", "token_file");
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
