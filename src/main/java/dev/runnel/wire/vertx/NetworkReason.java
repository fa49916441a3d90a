package dev.runnel.wire.vertx;

import java.net.UnknownHostException;
import java.util.regex.Pattern;

/** Why a socket could not be had, in words for people. */
public final class NetworkReason {
  /** Netty's native transport says "bind(..) failed with error(-98): Address already in use". */
  private static final Pattern CALL = Pattern.compile("^.*\\): ");

  /** And after that "HOST/ADDRESS:PORT", which whoever asked has said. */
  private static final Pattern ADDRESS = Pattern.compile(": [^ ]*/[^ ]*$");

  private NetworkReason() {}

  /** Without what was tried, and where. */
  public static String of(Throwable cause) {
    // Netty's resolver tells of its search domains.
    if (cause instanceof UnknownHostException) {
      return "no such host";
    }
    String message = cause.getMessage();
    if (message == null) {
      return cause.getClass().getSimpleName();
    }
    String words = CALL.matcher(message).replaceFirst("");
    return words.equals(message) ? message : ADDRESS.matcher(words).replaceFirst("");
  }
}
