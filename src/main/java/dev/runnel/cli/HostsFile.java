package dev.runnel.cli;

import dev.runnel.files.CurrentUser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The hosts that have a name of the user's: {@code ~/.config/runnel/config.yaml}. Of YAML it knows
 * what such a file needs, names within names and plain or quoted values, and refuses the rest: a
 * library would cost more time than the command.
 */
final class HostsFile {
  private static final int MAX_BYTES = 1 << 20;
  private static final List<String> KEYS =
      List.of(
          "ca",
          "cert",
          "cwd",
          "env",
          "host",
          "key",
          "linger",
          "tls",
          "tls_name",
          "token_file",
          "user");

  /** In front of the name of a variable. */
  static final String ENV = "env.";

  private final Path file;
  private final Map<String, Map<String, String>> hosts = new LinkedHashMap<>();
  private int number;
  private int nameIndent;
  private int keyIndent;
  private int variableIndent;
  private boolean inEnv;
  private boolean inHosts;
  private @Nullable Map<String, String> host;

  private HostsFile(Path file) {
    this.file = file;
  }

  /** Where it is; null: nowhere. */
  static @Nullable Path of(Map<String, String> env) {
    String folder = env.get("XDG_CONFIG_HOME");
    if (folder == null || !folder.startsWith("/")) {
      String home = CurrentUser.home(env);
      folder = home == null ? null : home + "/.config";
    }
    return folder == null ? null : Path.of(folder, "runnel", "config.yaml");
  }

  /**
   * What the file says of that name; null: nothing. A variable has {@link #ENV} before its name.
   */
  static @Nullable Map<String, String> find(Path file, String name) throws Failure {
    Map<String, String> found = all(file).get(name);
    if (found != null && !found.containsKey("host")) {
      throw Failure.usage(file + ": hosts." + name + ": host is missing");
    }
    return found;
  }

  /** What the file says of every name, in its order. */
  static Map<String, Map<String, String>> all(Path file) throws Failure {
    // Nor is there one in a home that this user may not enter, or that is no folder.
    if (!Files.exists(file)) {
      return Map.of();
    }
    try {
      if (Files.size(file) > MAX_BYTES) {
        throw Failure.usage(file + ": more than " + MAX_BYTES + " bytes");
      }
      HostsFile read = new HostsFile(file);
      String text = Files.readString(file);
      // Some editors begin a file with a byte order mark.
      read.read(text.startsWith("\uFEFF") ? text.substring(1) : text);
      return read.hosts;
    } catch (NoSuchFileException _) {
      return Map.of();
    } catch (IOException e) {
      throw Failure.usage("cannot read " + Reasons.of(e, file.toString()));
    }
  }

  private void read(String text) throws Failure {
    for (String line : text.split("\n", -1)) {
      number++;
      String content = withoutComment(line.stripTrailing());
      if (!content.isBlank()) {
        int indent = content.length() - content.stripLeading().length();
        if (content.substring(0, indent).indexOf('\t') >= 0) {
          throw wrong("a tab (expected: spaces)");
        }
        take(indent, content.strip());
      }
    }
  }

  private static String withoutComment(String line) {
    char quote = 0;
    for (int i = 0; i < line.length(); i++) {
      char c = line.charAt(i);
      if (quote != 0) {
        quote = c == quote ? 0 : quote;
      } else if (c == '"' || c == '\'') {
        quote = c;
      } else if (c == '#' && (i == 0 || line.charAt(i - 1) == ' ')) {
        return line.substring(0, i).stripTrailing();
      }
    }
    return line;
  }

  private void take(int indent, String content) throws Failure {
    int colon = content.endsWith(":") ? content.length() - 1 : content.indexOf(": ");
    if (colon < 1) {
      throw wrong("expected: KEY: VALUE");
    }
    String key = content.substring(0, colon);
    String value = content.substring(colon + 1).strip();
    if (indent == 0) {
      takeTop(key, value);
    } else if (inHosts && (nameIndent == 0 || indent == nameIndent)) {
      nameIndent = indent;
      takeName(key, value);
    } else if (host != null && indent > nameIndent && (keyIndent == 0 || indent == keyIndent)) {
      keyIndent = indent;
      inEnv = key.equals("env");
      variableIndent = 0;
      if (!inEnv) {
        takeSetting(host, key, value);
      } else if (!value.isEmpty()) {
        throw wrong("env: (expected: names of variables on the lines below)");
      }
    } else if (host != null
        && inEnv
        && indent > keyIndent
        && (variableIndent == 0 || indent == variableIndent)) {
      variableIndent = indent;
      takeVariable(host, key, value);
    } else {
      throw wrong(key + ": not in line with what is above it");
    }
  }

  private void takeTop(String key, String value) throws Failure {
    if (!key.equals("hosts")) {
      throw wrong(key + ": unknown key (known: hosts)");
    }
    if (inHosts) {
      throw wrong(key + ": a second time");
    }
    if (!value.isEmpty()) {
      throw wrong(key + ": (expected: names of hosts on the lines below)");
    }
    inHosts = true;
  }

  private void takeName(String name, String value) throws Failure {
    if (!isName(name)) {
      throw wrong("hosts." + name + ": (expected: letters, digits, and . _ - in between)");
    }
    if (!value.isEmpty()) {
      throw wrong("hosts." + name + ": (expected: its settings on the lines below)");
    }
    Map<String, String> settings = new LinkedHashMap<>();
    if (hosts.put(name, settings) != null) {
      throw wrong("hosts." + name + ": a second time");
    }
    host = settings;
    keyIndent = 0;
    inEnv = false;
  }

  private void takeSetting(Map<String, String> settings, String key, String value) throws Failure {
    if (!KEYS.contains(key)) {
      throw wrong(key + ": unknown key (known: " + String.join(", ", KEYS) + ")");
    }
    if (settings.put(key, unquoted(key, value)) != null) {
      throw wrong(key + ": a second time");
    }
  }

  private void takeVariable(Map<String, String> settings, String name, String value)
      throws Failure {
    if (name.indexOf('=') >= 0) {
      throw wrong("env." + name + ": (expected: a name without =)");
    }
    boolean empty = value.equals("''") || value.equals("\"\"");
    if (settings.put(ENV + name, empty ? "" : unquoted(name, value)) != null) {
      throw wrong(ENV + name + ": a second time");
    }
  }

  private String unquoted(String key, String value) throws Failure {
    char first = value.isEmpty() ? ' ' : value.charAt(0);
    if (first == '"' || first == '\'') {
      int end = value.indexOf(first, 1);
      if (end == value.length() - 1 && end > 1 && value.indexOf('\\') < 0) {
        return value.substring(1, end);
      }
    } else if (" [{&*!|>%@`,?-".indexOf(first) < 0 && !value.contains(": ")) {
      return value;
    }
    // Not quoted in a message: somebody may have put a secret here.
    throw wrong(key + ": (expected: a value on the same line, plain or in quotation marks)");
  }

  /** Whether a host in the file may be called so. */
  static boolean isName(String text) {
    boolean good = !text.isEmpty();
    for (int i = 0; i < text.length() && good; i++) {
      char c = text.charAt(i);
      boolean plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
      good = plain || (i > 0 && (c == '.' || c == '_' || c == '-'));
    }
    return good;
  }

  private Failure wrong(String what) {
    return Failure.usage(file + ":" + number + ": " + what);
  }
}
