package dev.runnel.cli;

import org.jspecify.annotations.Nullable;

/**
 * Where ssh is told to go: {@code [USER@]HOST} or {@code ssh://[USER@]HOST[:PORT]}.
 *
 * @param port as it stands there
 */
record SshDestination(@Nullable String user, String host, @Nullable String port) {
  private static final String SCHEME = "ssh://";

  static SshDestination parse(String text) throws Failure {
    boolean isUri = text.startsWith(SCHEME);
    String rest = isUri ? text.substring(SCHEME.length()) : text;
    int at = rest.lastIndexOf('@');
    String user = at < 0 ? null : rest.substring(0, at);
    String host = rest.substring(at + 1);
    String port = null;
    if (isUri) {
      int slash = host.indexOf('/');
      host = slash < 0 ? host : host.substring(0, slash);
      int colon = host.lastIndexOf(':');
      if (colon > host.lastIndexOf(']')) {
        port = host.substring(colon + 1);
        host = host.substring(0, colon);
      }
    }
    if (host.isEmpty() || (user != null && user.isEmpty())) {
      throw Failure.usage("HOST: " + text + " (expected: [USER@]HOST)");
    }
    return new SshDestination(user, host, port);
  }

  /** As {@code -H} has it. */
  static String hostAndPort(String host, @Nullable String port) {
    if (port == null) {
      return host;
    }
    boolean isV6 = host.indexOf(':') != host.lastIndexOf(':') && !host.startsWith("[");
    return (isV6 ? "[" + host + "]" : host) + ":" + port;
  }
}
