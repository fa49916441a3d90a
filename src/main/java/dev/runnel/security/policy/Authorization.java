package dev.runnel.security.policy;

import dev.runnel.model.CommandSpec;
import dev.runnel.model.JobSpec;
import dev.runnel.model.SystemText;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A run that was allowed.
 *
 * @param rule that allowed it; null: there is no policy
 * @param spec the run, with what the rule prescribes
 */
public record Authorization(@Nullable Rule rule, JobSpec spec) {
  /** The longest value that is read from a file. */
  public static final int MAX_SECRET_BYTES = 64 * 1024;

  private static final Logger LOG = LoggerFactory.getLogger(Authorization.class);

  /** The same, with what the run is a part of in the command's environment. */
  public Authorization tracing() {
    return spec.trace() == null ? this : new Authorization(rule, spec.tracing());
  }

  /** Whether files have to be looked at before the start. */
  public boolean needsFiles() {
    return rule != null
        && (spec.command().cwd() != null || !spec.command().secrets().fromServer().isEmpty());
  }

  /** Its rule's name; null: there is no policy. */
  public @Nullable String ruleName() {
    return rule == null ? null : rule.name();
  }

  /**
   * Whether its output is recorded.
   *
   * @param usual what is, where no rule says otherwise
   */
  public boolean isRecorded(RecordingScope usual) {
    RecordingScope wanted = rule == null ? null : rule.recorded();
    return (wanted == null ? usual : wanted).covers(spec.command());
  }

  /** Whether clients may not signal what it runs. */
  public boolean isForced() {
    return rule != null && rule.commands().forced() != null;
  }

  /**
   * The command as it is to be started: its folder without symbolic links and dots, and the values
   * that come from files. Blocks; to be called right before the start.
   *
   * @throws ForbiddenException if its folder is none that the rule allows, or a file can't be read
   */
  public CommandSpec settle() throws ForbiddenException {
    CommandSpec command = spec.command();
    return rule == null ? command.settled(Map.of()) : settleBy(rule, command);
  }

  private static CommandSpec settleBy(Rule rule, CommandSpec command) throws ForbiddenException {
    String cwd = command.cwd();
    CommandSpec placed = cwd == null ? command : command.withCwd(folder(rule, cwd));
    Map<String, String> values = new LinkedHashMap<>();
    for (String name : command.secrets().fromServer()) {
      values.put(name, secret(rule, name));
    }
    return placed.settled(values);
  }

  // One that isn't there is answered like one that is elsewhere: nobody finds out by asking what
  // there is, nor puts a link there after the look.
  private static String folder(Rule rule, String cwd) throws ForbiddenException {
    Path asked = real(cwd);
    for (String text : rule.place().roots()) {
      Path root = real(text);
      if (asked != null && root != null && asked.startsWith(root)) {
        return text(asked);
      }
    }
    throw new ForbiddenException(
        rule.name(),
        "cwd: "
            + cwd
            + " (expected: a folder below "
            + String.join(", ", rule.place().roots())
            + ")");
  }

  private static @Nullable Path real(String path) {
    try {
      return (SystemText.isText(path) ? Path.of(path) : ofBytes(SystemText.bytes(path)))
          .toRealPath();
    } catch (IOException | InvalidPathException _) {
      return null;
    }
  }

  // The JDK makes a path of other bytes than its own encoding's of a URI only, and so back.
  private static Path ofBytes(byte[] path) {
    StringBuilder uri = new StringBuilder("file://");
    for (byte b : path) {
      if (b == '/') {
        uri.append('/');
      } else {
        uri.append('%').append(HexFormat.of().toHexDigits(b));
      }
    }
    try {
      return Path.of(URI.create(uri.toString()));
    } catch (IllegalArgumentException e) {
      throw new InvalidPathException(
          SystemText.shown(SystemText.of(path)), String.valueOf(e.getMessage()));
    }
  }

  private static String text(Path real) {
    String text = real.toString();
    if (text.indexOf('\uFFFD') < 0) {
      return text;
    }
    String uri = real.toUri().getRawPath();
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int i = 0; i < uri.length(); i++) {
      if (uri.charAt(i) == '%') {
        bytes.write(HexFormat.fromHexDigits(uri, i + 1, i + 3));
        i += 2;
      } else {
        bytes.write(uri.charAt(i));
      }
    }
    String folder = SystemText.of(bytes.toByteArray());
    return folder.length() > 1 && folder.endsWith("/")
        ? folder.substring(0, folder.length() - 1)
        : folder;
  }

  private static String secret(Rule rule, String name) throws ForbiddenException {
    String file = rule.place().envFrom().getOrDefault(name, "");
    try {
      String value = read(Path.of(file));
      if (value.indexOf('\0') < 0) {
        return value;
      }
      LOG.warn("secret not given rule={} name={} file={} cause=NUL", rule.name(), name, file);
    } catch (IOException e) {
      LOG.warn("secret not given rule={} name={} file={} cause={}", rule.name(), name, file, e);
    }
    // The file and what is wrong with it are the operator's business.
    throw new ForbiddenException(rule.name(), "env_from: " + name + " can't be given now");
  }

  private static String read(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      byte[] bytes = in.readNBytes(MAX_SECRET_BYTES + 1);
      if (bytes.length > MAX_SECRET_BYTES) {
        throw new IOException("more than " + MAX_SECRET_BYTES + " bytes");
      }
      String text = SystemText.of(bytes);
      return text.endsWith("\n") ? text.substring(0, text.length() - 1) : text;
    }
  }
}
