package dev.runnel.wire;

import dev.runnel.model.ResourceLimits;
import dev.runnel.model.Terminal;
import dev.runnel.model.TerminalMode;
import dev.runnel.model.TerminalModes;
import dev.runnel.model.TerminalSize;
import java.util.EnumMap;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The keys of {@code run} that say on what terminal, within what limits and as whom. PROTOCOL.md,
 * "Requests".
 */
final class RestrictionsDecoder {
  private static final int MAX_USER = 256;

  private RestrictionsDecoder() {}

  static @Nullable Terminal terminal(Header header) throws ProtocolException, RequestException {
    Header pty = header.object("pty");
    if (pty == null) {
      return null;
    }
    RequestDecoder.checkKeys(pty, Set.of("pty.rows", "pty.cols", "pty.term", "pty.modes"));
    return new Terminal(
        new TerminalSize(
            size(pty, "pty.rows", TerminalSize.DEFAULT.rows()),
            size(pty, "pty.cols", TerminalSize.DEFAULT.cols())),
        term(pty),
        modes(pty));
  }

  /** Names that are not known are of other systems or later versions, and change nothing here. */
  private static TerminalModes modes(Header pty) throws ProtocolException, RequestException {
    Header modes = pty.object("pty.modes");
    if (modes == null) {
      return TerminalModes.USUAL;
    }
    Map<TerminalMode, Integer> values = new EnumMap<>(TerminalMode.class);
    for (String key : modes.keys()) {
      TerminalMode mode = TerminalMode.ofName(key.substring("pty.modes.".length()));
      if (mode != null) {
        values.put(
            mode,
            mode.isFlag() ? (modes.flag(key) ? 1 : 0) : (int) modes.integer(key, 0, 0, mode.max()));
      }
    }
    return new TerminalModes(values);
  }

  private static String term(Header pty) throws RequestException {
    String term = pty.string("pty.term");
    if (term == null) {
      return Terminal.DEFAULT_TERM;
    }
    if (!Terminal.isTerm(term)) {
      throw RequestException.bad(
          "pty.term: " + Json.show(term) + " (expected: " + Terminal.TERM_RULE + ")");
    }
    return term;
  }

  private static int size(Header header, String key, int fallback)
      throws ProtocolException, RequestException {
    return (int) header.integer(key, fallback, 1, TerminalSize.MAX);
  }

  /** Of a terminal that is there: both have to be said. */
  static TerminalSize newSize(Header header) throws ProtocolException, RequestException {
    for (String key : new String[] {"rows", "cols"}) {
      if (!header.has(key)) {
        throw RequestException.bad(key + ": missing");
      }
    }
    return new TerminalSize(size(header, "rows", 0), size(header, "cols", 0));
  }

  static ResourceLimits limits(Header header) throws ProtocolException, RequestException {
    Header limits = header.object("limits");
    if (limits == null) {
      return ResourceLimits.NONE;
    }
    RequestDecoder.checkKeys(
        limits,
        Set.of("limits.cpu_s", "limits.memory_bytes", "limits.open_files", "limits.file_bytes"));
    return new ResourceLimits(
        limit(limits, "limits.cpu_s", 1, ResourceLimits.MAX_CPU_SECONDS),
        limit(limits, "limits.memory_bytes", ResourceLimits.MIN_MEMORY_BYTES, Limits.MAX_INTEGER),
        limit(
            limits,
            "limits.open_files",
            ResourceLimits.MIN_OPEN_FILES,
            ResourceLimits.MAX_OPEN_FILES),
        limit(limits, "limits.file_bytes", 0, Limits.MAX_INTEGER));
  }

  private static OptionalLong limit(Header limits, String key, long min, long max)
      throws ProtocolException, RequestException {
    return limits.has(key)
        ? OptionalLong.of(limits.integer(key, min, min, max))
        : OptionalLong.empty();
  }

  /** Whether there is such a user is for the operating system to say. */
  static @Nullable String user(Header header) throws RequestException {
    String user = header.string("user");
    if (user == null) {
      return null;
    }
    if (user.isEmpty() || user.length() > MAX_USER || user.chars().anyMatch(c -> isOdd(c))) {
      throw RequestException.bad(
          "user: "
              + Json.show(user)
              + " (expected: a name or a number, at most "
              + MAX_USER
              + " characters)");
    }
    return user;
  }

  // A name with one of these in it could not stand in passwd(5).
  private static boolean isOdd(int character) {
    return Character.isISOControl(character) || character == ':' || character == '/';
  }
}
