package dev.runnel.model;

import java.util.OptionalLong;

/**
 * What each process of a command may use, as setrlimit(2) has it; an absent one is the daemon's
 * own. PROTOCOL.md, "Requests", {@code limits}.
 *
 * @param cpuSeconds of processor time: then XCPU, a second later KILL
 * @param memoryBytes of address space: beyond it allocations fail
 * @param openFiles the first descriptor that can't be had
 * @param fileBytes the length of files it writes: then XFSZ
 */
public record ResourceLimits(
    OptionalLong cpuSeconds,
    OptionalLong memoryBytes,
    OptionalLong openFiles,
    OptionalLong fileBytes) {
  public static final ResourceLimits NONE =
      new ResourceLimits(
          OptionalLong.empty(), OptionalLong.empty(), OptionalLong.empty(), OptionalLong.empty());

  /** A year. */
  public static final long MAX_CPU_SECONDS = 31_536_000;

  /** With less there is no process at all. */
  public static final long MIN_MEMORY_BYTES = 1 << 20;

  /** stdin, stdout and stderr. */
  public static final long MIN_OPEN_FILES = 3;

  public static final long MAX_OPEN_FILES = 1 << 30;

  // A record's own equals is linked at run time, which a client's start would wait for.
  /** Whether none is given. */
  public boolean isEmpty() {
    return cpuSeconds.isEmpty()
        && memoryBytes.isEmpty()
        && openFiles.isEmpty()
        && fileBytes.isEmpty();
  }
}
