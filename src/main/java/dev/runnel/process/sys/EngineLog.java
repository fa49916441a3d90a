package dev.runnel.process.sys;

/**
 * What goes to the system's logger. It is looked up when there is something to say: that takes 10
 * ms of processor time, which the start of a command line must not pay.
 */
public final class EngineLog {
  private EngineLog() {}

  public static void warn(String text) {
    logger().log(System.Logger.Level.WARNING, text);
  }

  /** A bug, or something like it. */
  public static void report(String text) {
    logger().log(System.Logger.Level.ERROR, text);
  }

  public static void report(String text, Throwable thrown) {
    logger().log(System.Logger.Level.ERROR, text, thrown);
  }

  private static System.Logger logger() {
    return System.getLogger("dev.runnel.process");
  }
}
