package dev.runnel.process;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.runnel.model.JobId;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A command's environment, PROTOCOL.md, "Requests": this process's without RUNNEL_*, RUNNEL_JOB,
 * and what the command asked for. Entries are bytes, as System.getenv mangles what is not text;
 * names are held as ISO 8859-1, which keeps every byte apart.
 */
@SuppressWarnings("restricted")
final class Environment {
  private static final String OURS = "RUNNEL_";
  private static final String JOB = "RUNNEL_JOB";
  private static final byte[] DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin".getBytes(US_ASCII);

  private static final MemorySegment ENVIRON = Libc.symbol("environ");

  /** By name, the whole entry with its name. */
  private final Map<String, byte[]> entries;

  private Environment(Map<String, byte[]> entries) {
    this.entries = entries;
  }

  /** What commands inherit: read once, at start, before anybody can change it. */
  static Environment inherited() {
    Map<String, byte[]> entries = new LinkedHashMap<>();
    MemorySegment environ = ENVIRON.reinterpret(Long.BYTES);
    MemorySegment strings = pointer(environ.get(JAVA_LONG, 0));
    for (long i = 0; strings.getAtIndex(JAVA_LONG, i) != 0; i++) {
      String entry = pointer(strings.getAtIndex(JAVA_LONG, i)).getString(0, ISO_8859_1);
      int equals = entry.indexOf('=');
      if (equals > 0 && !entry.startsWith(OURS)) {
        // The first one counts, as it does for getenv(3).
        entries.putIfAbsent(entry.substring(0, equals), entry.getBytes(ISO_8859_1));
      }
    }
    return new Environment(entries);
  }

  private static MemorySegment pointer(long address) {
    return MemorySegment.ofAddress(address).reinterpret(Long.MAX_VALUE);
  }

  /** For one command. */
  Environment with(JobId job, Map<String, @Nullable String> overlay) {
    Map<String, byte[]> merged = new LinkedHashMap<>(entries);
    merged.put(JOB, entry(JOB, job.value()));
    overlay.forEach(
        (name, value) -> {
          String key = new String(name.getBytes(UTF_8), ISO_8859_1);
          if (value == null) {
            merged.remove(key);
          } else {
            merged.put(key, entry(name, value));
          }
        });
    return new Environment(merged);
  }

  private static byte[] entry(String name, String value) {
    return (name + "=" + value).getBytes(UTF_8);
  }

  Collection<byte[]> entries() {
    return entries.values();
  }

  /** The value of PATH, or what is searched without one. */
  byte[] path() {
    byte[] entry = entries.get("PATH");
    return entry == null ? DEFAULT_PATH : Arrays.copyOfRange(entry, "PATH=".length(), entry.length);
  }
}
