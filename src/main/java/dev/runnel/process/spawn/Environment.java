package dev.runnel.process.spawn;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.runnel.model.CommandSpec;
import dev.runnel.model.JobId;
import dev.runnel.model.JvmSettings;
import dev.runnel.model.SystemText;
import dev.runnel.process.proc.EnvironmentTag;
import dev.runnel.process.sys.CString;
import dev.runnel.process.sys.Libc;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A command's environment, PROTOCOL.md, "Requests": this process's without RUNNEL_* and TERM, but
 * with what the launcher kept from this JVM, and without what it set for it; RUNNEL_JOB, what the
 * command asked for, and the mark. Entries are bytes, as System.getenv mangles what is not text;
 * names are held as ISO 8859-1, which keeps every byte apart.
 */
@SuppressWarnings("restricted")
public final class Environment {
  private static final String OURS = "RUNNEL_";
  // It is about the terminal that this process was started at, not about any of a command's.
  private static final String TERM = "TERM=";

  private static final String JOB = "RUNNEL_JOB";

  /** How this program is called. */
  private static final byte @Nullable [] OUR_LAUNCHER = launcher();

  private static final String PATH = "PATH";
  private static final byte[] DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin".getBytes(US_ASCII);

  private static final MemorySegment ENVIRON = Libc.symbol("environ");

  /** What a process is started with at all: where programs are, the language, the time zone. */
  private static final Set<String> SURROUNDINGS = Set.of(PATH, "LANG", "LANGUAGE", "TZ");

  private static final String LOCALE = "LC_";

  /** Who it is. */
  private static final Set<String> IDENTITY = Set.of("HOME", "USER", "LOGNAME", "SHELL");

  private final Map<String, byte[]> entries;

  /** By name, the entry as a C string: commands are given it as it is, without a copy for each. */
  private final Map<String, MemorySegment> strings = new LinkedHashMap<>();

  private final long[] addresses;
  private final byte[] path;

  /** One command's. */
  public static final class OfCommand {
    private final long[] inherited;
    private final List<byte[]> own;
    private final byte[] path;

    private OfCommand(long[] inherited, List<byte[]> own, byte[] path) {
      this.inherited = inherited;
      this.own = own;
      this.path = path;
    }

    /** Addresses of C strings, good as long as what they are inherited from lives. */
    public long[] inherited() {
      return inherited;
    }

    /** Whole entries besides. */
    List<byte[]> own() {
      return own;
    }

    /** The value of PATH, or what is searched without one. */
    byte[] path() {
      return path;
    }
  }

  private Environment(Map<String, byte[]> entries) {
    this.entries = entries;
    Arena arena = Arena.ofAuto();
    entries.forEach((name, entry) -> strings.put(name, CString.of(entry, arena)));
    this.addresses = strings.values().stream().mapToLong(MemorySegment::address).toArray();
    this.path = path(entries.get(PATH));
  }

  /** What commands inherit: read once, at start, before anybody can change it. */
  public static Environment inherited() {
    Map<String, byte[]> entries = new LinkedHashMap<>();
    Map<String, byte[]> kept = new LinkedHashMap<>();
    List<String> hidden = new ArrayList<>();
    MemorySegment environ = ENVIRON.reinterpret(Long.BYTES);
    MemorySegment strings = pointer(environ.get(JAVA_LONG, 0));
    for (long i = 0; strings.getAtIndex(JAVA_LONG, i) != 0; i++) {
      String entry = pointer(strings.getAtIndex(JAVA_LONG, i)).getString(0, ISO_8859_1);
      int equals = entry.indexOf('=');
      if (entry.startsWith(JvmSettings.HIDDEN)) {
        hidden.add(entry.substring(JvmSettings.HIDDEN.length(), equals));
      } else if (entry.startsWith(JvmSettings.KEPT)) {
        put(kept, entry.substring(JvmSettings.KEPT.length()));
      } else if (equals > 0 && !entry.startsWith(OURS) && !entry.startsWith(TERM)) {
        put(entries, entry);
      }
    }
    entries.putAll(kept);
    hidden.forEach(entries::remove);
    return new Environment(entries);
  }

  /** Without what this process was started with for itself. */
  public Environment clean() {
    return only(name -> isOfSurroundings(name) || IDENTITY.contains(name));
  }

  /** The same for another user, who has a home of its own. */
  Environment ofOthers() {
    return only(Environment::isOfSurroundings);
  }

  private Environment only(Predicate<String> kept) {
    Map<String, byte[]> some = new LinkedHashMap<>(entries);
    some.keySet().removeIf(kept.negate());
    return new Environment(some);
  }

  private static boolean isOfSurroundings(String name) {
    return SURROUNDINGS.contains(name) || name.startsWith(LOCALE);
  }

  // The first one counts, as it does for getenv(3).
  private static void put(Map<String, byte[]> entries, String entry) {
    String name = entry.substring(0, entry.indexOf('='));
    entries.putIfAbsent(name, entry.getBytes(ISO_8859_1));
  }

  private static MemorySegment pointer(long address) {
    return MemorySegment.ofAddress(address).reinterpret(Long.MAX_VALUE);
  }

  /** These entries alone. */
  public static OfCommand of(List<byte[]> entries) {
    return new OfCommand(new long[0], entries, DEFAULT_PATH);
  }

  private static byte @Nullable [] launcher() {
    String launcher = System.getProperty("runnel.launcher");
    return launcher == null ? null : entry(CommandSpec.LAUNCHER, launcher);
  }

  /** For one command. */
  public OfCommand with(JobId job, Map<String, @Nullable String> overlay, byte[] mark) {
    byte[] name = entry(JOB, job.value());
    return overlay.isEmpty()
        ? new OfCommand(addresses, own(name, mark), path)
        : overlaid(name, mark, overlay);
  }

  private static List<byte[]> own(byte[] name, byte[] mark) {
    return List.of(name, mark);
  }

  private OfCommand overlaid(byte[] job, byte[] mark, Map<String, @Nullable String> overlay) {
    Map<String, MemorySegment> kept = new LinkedHashMap<>(strings);
    Map<String, byte[]> own = new LinkedHashMap<>();
    own.put(JOB, job);
    overlay.forEach(
        (name, value) -> {
          String key = new String(SystemText.bytes(name), ISO_8859_1);
          kept.remove(key);
          own.remove(key);
          if (value != null) {
            boolean isAsked =
                key.equals(CommandSpec.LAUNCHER) && value.isEmpty() && OUR_LAUNCHER != null;
            own.put(key, isAsked ? OUR_LAUNCHER : entry(name, value));
          }
        });
    // Last: what a command asks for neither removes nor forges it.
    own.put(EnvironmentTag.NAME, mark);
    long[] inherited = kept.values().stream().mapToLong(MemorySegment::address).toArray();
    byte[] search = overlay.containsKey(PATH) ? path(own.get(PATH)) : path;
    return new OfCommand(inherited, List.copyOf(own.values()), search);
  }

  private static byte[] entry(String name, String value) {
    return SystemText.bytes(name + "=" + value);
  }

  private static byte[] path(byte @Nullable [] entry) {
    return entry == null
        ? DEFAULT_PATH
        : Arrays.copyOfRange(entry, PATH.length() + 1, entry.length);
  }
}
