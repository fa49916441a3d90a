package dev.runnel.model;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What every JVM that Runnel starts is given, and which variables are kept from it. The launcher
 * has both once more, and ClientJvmTest holds them together.
 */
public final class JvmSettings {
  /** What a JVM has to say goes to stderr: stdout is a command's, or is read as an answer. */
  public static final List<String> FLAGS =
      List.of(
          "-Xlog:disable",
          "-Xlog:all=error:stderr",
          "-XX:+DisplayVMOutputToStderr",
          "-XX:-PrintWarnings",
          "--enable-native-access=ALL-UNNAMED");

  /** The variables that a JVM reads. They are set for programs that commands start. */
  public static final List<String> VARIABLES =
      List.of(
          "JAVA_TOOL_OPTIONS",
          "JDK_JAVA_OPTIONS",
          "_JAVA_OPTIONS",
          "JDK_AOT_VM_OPTIONS",
          "JDK_ALTERNATE_VM",
          "_JAVA_LAUNCHER_DEBUG",
          "_JAVA_SR_SIGNUM");

  /** Before the name of such a variable: its value is kept for commands. */
  public static final String KEPT = "RUNNEL_KEPT_";

  /** Before the name of a variable that the launcher set for the JVM: commands don't have it. */
  public static final String HIDDEN = "RUNNEL_HIDDEN_";

  private static final String OURS = "RUNNEL_";

  private JvmSettings() {}

  /** The environment as it was before the launcher kept variables from this JVM. */
  public static Map<String, String> restored(Map<String, String> env) {
    Map<String, String> restored = new HashMap<>(env);
    env.forEach(
        (name, value) -> {
          if (name.startsWith(KEPT)) {
            restored.remove(name);
            restored.put(name.substring(KEPT.length()), value);
          } else if (name.startsWith(HIDDEN)) {
            restored.remove(name);
            restored.remove(name.substring(HIDDEN.length()));
          }
        });
    return restored;
  }

  /**
   * Makes the environment of this process that of a daemon of its own: without settings of servers
   * and clients that were meant to be found, and with the variables kept for its commands.
   */
  public static void prepare(Map<String, String> env) {
    env.keySet().removeIf(JvmSettings::isForUs);
    for (String name : VARIABLES) {
      String value = env.remove(name);
      if (value != null) {
        env.put(KEPT + name, value);
      }
    }
  }

  private static boolean isForUs(String name) {
    return name.startsWith(OURS) && !name.startsWith(KEPT) && !name.startsWith(HIDDEN);
  }
}
