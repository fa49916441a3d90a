package dev.runnel.job;

/**
 * How the names begin that a node of a cluster makes for its jobs: they tell which life of which
 * node made them. PROTOCOL.md, "Requests", key {@code job}.
 */
public final class JobNamePrefix {
  /** Characters after the prefix. */
  public static final int RANDOM_LENGTH = 12;

  private static final int BOOT_LENGTH = 4;

  private JobNamePrefix() {}

  public static String of(String node, String boot) {
    return node + "-" + boot.substring(0, Math.min(BOOT_LENGTH, boot.length())) + "-";
  }
}
