package dev.runnel.server;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Where one life of a node takes frames of other nodes. */
public record NodeAddress(String name, String boot, String host, int port) {
  private static final Pattern HOST_AND_PORT = Pattern.compile("\\[?([^\\]]+)]?:([0-9]{1,5})");

  /**
   * Of what a node says about itself; null: that is none.
   *
   * @param frames HOST:PORT
   */
  public static @Nullable NodeAddress of(String name, String boot, String frames) {
    Matcher parts = HOST_AND_PORT.matcher(frames);
    return parts.matches()
        ? new NodeAddress(name, boot, parts.group(1), Integer.parseInt(parts.group(2)))
        : null;
  }
}
