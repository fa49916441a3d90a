package dev.runnel.cli;

import dev.runnel.model.JvmSettings;
import dev.runnel.model.SystemText;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Variables of ours that are to be passed on as they are: the JVM mangles what is not text. */
final class OurVariables {
  private static final Path ORIGINAL = Path.of("/proc/self/environ");

  private OurVariables() {}

  /**
   * As {@link SystemText}; null: it is not set.
   *
   * @param option on whose behalf
   * @param ours as the JVM has them
   */
  static @Nullable String value(Option option, String name, Map<String, String> ours)
      throws Failure {
    String value = ours.get(name);
    boolean isText = value == null ? SystemText.isText(name) : value.indexOf('\uFFFD') < 0;
    if (isText) {
      return value;
    }
    String original = original(name);
    if (value != null && original == null) {
      throw Failure.usage(option.name() + ": the value of " + name + " is not UTF-8");
    }
    return original;
  }

  private static @Nullable String original(String name) {
    try {
      // One character for each byte.
      String all = new String(Files.readAllBytes(ORIGINAL), StandardCharsets.ISO_8859_1);
      String wanted = new String(SystemText.bytes(name + "="), StandardCharsets.ISO_8859_1);
      String kept = value(all, JvmSettings.KEPT + wanted);
      String value = kept == null ? value(all, wanted) : kept;
      return value == null ? null : SystemText.of(value.getBytes(StandardCharsets.ISO_8859_1));
    } catch (IOException _) {
      // Not a Linux: what the JVM has is all there is.
      return null;
    }
  }

  private static @Nullable String value(String all, String prefix) {
    for (String entry : all.split("\0", -1)) {
      if (entry.startsWith(prefix)) {
        return entry.substring(prefix.length());
      }
    }
    return null;
  }
}
