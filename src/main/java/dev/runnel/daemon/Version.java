package dev.runnel.daemon;

/** The version, as the build wrote it into the jar. */
public final class Version {
  private Version() {}

  /** The version; outside a jar, as in tests, {@code dev}. */
  public static String text() {
    String version = Version.class.getPackage().getImplementationVersion();
    return version == null ? "dev" : version;
  }
}
