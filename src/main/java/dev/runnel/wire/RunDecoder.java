package dev.runnel.wire;

import dev.runnel.model.Argument;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.JobId;
import dev.runnel.model.JobSpec;
import dev.runnel.model.Placement;
import dev.runnel.model.Request;
import dev.runnel.model.SystemText;
import dev.runnel.model.TraceContext;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The {@code run} request. PROTOCOL.md, "Requests". */
final class RunDecoder {
  private static final Set<String> KNOWN =
      Set.of(
          "argv",
          "argv_b64",
          "argv_body",
          "cwd",
          "cwd_b64",
          "env",
          "env_b64",
          "env_body",
          "env_from",
          "merge",
          "stdin",
          "pty",
          "limits",
          "user",
          "job",
          "once",
          "boot",
          "timeout_ms",
          "grace_ms",
          "drain_ms",
          "drain_max_ms",
          "linger_ms",
          "keep_ms",
          "window",
          "retain",
          "on_full",
          "spool_bytes",
          "leftovers",
          "node",
          "where",
          "labels",
          "trace");

  private static final int MAX_NAME = 256;
  private static final int MAX_LABELS = 32;

  /** A year: beyond it nobody means a duration, and below it nanoseconds fit a long. */
  private static final long MAX_MILLIS = 31_536_000_000L;

  private RunDecoder() {}

  static Request.Run decode(Header header, byte[] body) throws ProtocolException, RequestException {
    RequestDecoder.checkKeys(header, KNOWN);
    JobId job = RequestDecoder.optionalJob(header);
    String once = FollowDecoder.once(header, job);
    String boot = header.string("boot");
    return new Request.Run(job, once, spec(header, body), boot, placement(header));
  }

  private static Placement placement(Header header) throws RequestException {
    String node = header.string("node");
    if (!header.has("where")) {
      return node == null ? Placement.HERE : new Placement(checkName("node", node), Map.of());
    }
    Map<String, String> where = new LinkedHashMap<>();
    if (!(header.raw("where") instanceof Map<?, ?> entries) || entries.size() > MAX_LABELS) {
      throw RequestException.bad("where: not an object of at most " + MAX_LABELS + " labels");
    }
    for (Map.Entry<?, ?> entry : entries.entrySet()) {
      if (!(entry.getValue() instanceof String value)) {
        throw Header.wrongType("where", entry.getValue(), "an object of strings");
      }
      where.put(checkName("where", String.valueOf(entry.getKey())), checkName("where", value));
    }
    if (node != null && !node.equals(Placement.ANY) && !where.isEmpty()) {
      throw RequestException.bad("where: given beside the name of a node");
    }
    return new Placement(node == null ? null : checkName("node", node), where);
  }

  private static String checkName(String key, String name) throws RequestException {
    if (name.isEmpty() || name.length() > MAX_NAME) {
      throw RequestException.bad(
          key + ": " + name.length() + " characters (expected: from 1 to " + MAX_NAME + ")");
    }
    return Header.checkText(key, name);
  }

  private static JobSpec spec(Header header, byte[] body)
      throws ProtocolException, RequestException {
    Long timeout = millis(header, "timeout_ms", 1);
    long retain =
        header.integer(
            "retain", JobSpec.DEFAULT_RETAIN_BYTES, JobSpec.MIN_WINDOW, Limits.MAX_INTEGER);
    return new JobSpec(
        command(header, body),
        timeout == null ? null : Duration.ofMillis(timeout),
        duration(header, "grace_ms", JobSpec.DEFAULT_GRACE),
        duration(header, "drain_ms", JobSpec.DEFAULT_DRAIN),
        duration(header, "drain_max_ms", JobSpec.DEFAULT_DRAIN_MAX),
        leftovers(header),
        retain,
        FollowDecoder.window(header, retain),
        FollowDecoder.lasting(header),
        LabelsDecoder.decode(header),
        trace(header));
  }

  private static @Nullable TraceContext trace(Header header) throws RequestException {
    String value = header.string("trace");
    try {
      return value == null ? null : new TraceContext(value);
    } catch (IllegalArgumentException e) {
      throw RequestException.bad("trace: " + e.getMessage());
    }
  }

  private static CommandSpec command(Header header, byte[] body)
      throws ProtocolException, RequestException {
    Map<String, @Nullable String> env = env(header);
    return new CommandSpec(
        argv(header, body),
        cwd(header),
        env,
        header.flag("merge") ? CommandSpec.Stderr.MERGED : CommandSpec.Stderr.SEPARATE,
        header.flag("stdin") ? CommandSpec.Stdin.PIPE : CommandSpec.Stdin.NULL,
        RestrictionsDecoder.terminal(header),
        RestrictionsDecoder.limits(header),
        RestrictionsDecoder.user(header),
        SecretsDecoder.decode(header, body, env.keySet()));
  }

  private static List<Argument> argv(Header header, byte[] body) throws RequestException {
    boolean inBody = header.flag("argv_body");
    if (header.has("argv") && header.has("argv_b64")) {
      throw RequestException.bad("argv_b64: given beside argv");
    }
    boolean inHeader = header.has("argv") || header.has("argv_b64");
    if (SecretsDecoder.isBody(header)) {
      if (!inHeader || inBody) {
        throw RequestException.bad("env_body: argv has to be in the header");
      }
      return argvOfHeader(header);
    }
    if (inHeader && (inBody || body.length > 0)) {
      throw RequestException.bad(
          "argv: given beside " + (inBody ? "argv_body" : "a body of " + body.length + " bytes"));
    }
    if (inBody && body.length == 0) {
      throw RequestException.bad("argv_body: the body is empty");
    }
    if (!inHeader && body.length == 0) {
      throw RequestException.bad("argv: missing (expected: it, or a shell line as the body)");
    }
    if (inHeader) {
      return argvOfHeader(header);
    }
    return inBody ? argvOfBody(body) : CommandSpec.shellArgv(argument("body", body));
  }

  private static List<Argument> argvOfHeader(Header header) throws RequestException {
    if (header.has("argv_b64")) {
      List<Argument> argv = new ArrayList<>();
      for (byte[] bytes : Base64Field.array(header, "argv_b64")) {
        argv.add(Argument.of(bytes));
      }
      return argv;
    }
    if (!(header.raw("argv") instanceof List<?> list) || list.isEmpty()) {
      throw RequestException.bad("argv: not an array of strings, or empty");
    }
    List<Argument> argv = new ArrayList<>(list.size());
    for (Object element : list) {
      if (!(element instanceof String text)) {
        throw Header.wrongType("argv", element, "an array of strings");
      }
      argv.add(Argument.of(Header.checkText("argv", text)));
    }
    return argv;
  }

  private static List<Argument> argvOfBody(byte[] body) throws RequestException {
    if (body[body.length - 1] != 0) {
      throw RequestException.bad("argv_body: the last argument does not end in NUL");
    }
    List<Argument> argv = new ArrayList<>();
    int start = 0;
    for (int i = 0; i < body.length; i++) {
      if (body[i] == 0) {
        argv.add(Argument.of(Arrays.copyOfRange(body, start, i)));
        start = i + 1;
      }
    }
    return argv;
  }

  private static Argument argument(String what, byte[] bytes) throws RequestException {
    try {
      return Argument.of(bytes);
    } catch (IllegalArgumentException _) {
      throw RequestException.bad(what + ": NUL in a shell line");
    }
  }

  private static @Nullable String cwd(Header header) throws RequestException {
    if (header.has("cwd") && header.has("cwd_b64")) {
      throw RequestException.bad("cwd_b64: given beside cwd");
    }
    String cwd =
        header.has("cwd_b64")
            ? SystemText.of(Base64Field.of("cwd_b64", header.string("cwd_b64")))
            : header.string("cwd");
    if (cwd == null) {
      return null;
    }
    if (!cwd.startsWith("/")) {
      throw RequestException.bad("cwd: " + Json.show(cwd) + " (expected: an absolute path)");
    }
    return cwd;
  }

  private static Map<String, @Nullable String> env(Header header) throws RequestException {
    Map<String, @Nullable String> env = text(header);
    if (!header.has("env_b64")) {
      return env;
    }
    int number = 0;
    for (byte[] bytes : Base64Field.array(header, "env_b64")) {
      String entry = SystemText.of(bytes);
      int equals = entry.indexOf('=');
      String name = equals < 0 ? entry : entry.substring(0, equals);
      number++;
      if (name.isEmpty()) {
        throw RequestException.bad("env_b64: entry " + number + " (expected: NAME=VALUE or NAME)");
      }
      if (env.containsKey(name)) {
        throw RequestException.bad("env_b64: entry " + number + " names one again");
      }
      env.put(name, equals < 0 ? null : entry.substring(equals + 1));
    }
    return env;
  }

  private static Map<String, @Nullable String> text(Header header) throws RequestException {
    Object value = header.raw("env");
    if (value == null) {
      return new LinkedHashMap<>();
    }
    if (!(value instanceof Map<?, ?> entries)) {
      // Not shown, nor below: values of environment variables are often secrets.
      throw RequestException.bad("env: not an object");
    }
    Map<String, @Nullable String> env = new LinkedHashMap<>();
    for (Map.Entry<?, ?> entry : entries.entrySet()) {
      String name = Header.checkText("env", (String) entry.getKey());
      if (name.isEmpty() || name.indexOf('=') >= 0) {
        throw RequestException.bad(
            "env: name " + Json.show(name) + " (expected: not empty, without =)");
      }
      env.put(name, envValue(name, entry.getValue()));
    }
    return env;
  }

  private static @Nullable String envValue(String name, Object value) throws RequestException {
    if (value == Json.NULL) {
      return null;
    }
    if (!(value instanceof String text)) {
      throw RequestException.bad("env: value of " + Json.show(name) + " (expected: a string)");
    }
    return Header.checkText("env", text);
  }

  private static JobSpec.Leftovers leftovers(Header header) throws RequestException {
    return switch (header.string("leftovers")) {
      case null -> JobSpec.Leftovers.KILL;
      case "kill" -> JobSpec.Leftovers.KILL;
      case "keep" -> JobSpec.Leftovers.KEEP;
      case String other ->
          throw RequestException.bad(
              "leftovers: " + Json.show(other) + " (expected: kill or keep)");
    };
  }

  static Duration duration(Header header, String key, Duration fallback)
      throws ProtocolException, RequestException {
    Long millis = millis(header, key, 0);
    return millis == null ? fallback : Duration.ofMillis(millis);
  }

  static @Nullable Long millis(Header header, String key, long min)
      throws ProtocolException, RequestException {
    return header.has(key) ? (Long) header.integer(key, 0, min, MAX_MILLIS) : null;
  }
}
