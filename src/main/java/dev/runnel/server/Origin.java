package dev.runnel.server;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * Where a web page is from, in the one form that can be compared. RFC 6454.
 *
 * @param scheme {@code http} or {@code https}
 * @param host in small letters; of IPv6 in brackets
 */
public record Origin(String scheme, String host, int port) {
  private static final Pattern ADDRESS = Pattern.compile("[0-9]+(\\.[0-9]+){3}|\\[.*]");

  /**
   * Reads {@code https://host} or {@code https://host:port}.
   *
   * @throws IllegalArgumentException saying what was expected
   */
  public static Origin parse(String text) {
    try {
      URI uri = new URI(text);
      String scheme = uri.getScheme() == null ? "" : uri.getScheme().toLowerCase(Locale.ROOT);
      boolean isBare =
          uri.getUserInfo() == null
              && "".equals(uri.getRawPath())
              && uri.getRawQuery() == null
              && uri.getRawFragment() == null;
      if (uri.getHost() != null && isBare && (scheme.equals("http") || scheme.equals("https"))) {
        return new Origin(
            scheme, uri.getHost().toLowerCase(Locale.ROOT), portOr(uri.getPort(), scheme));
      }
    } catch (URISyntaxException _) {
      // As below.
    }
    throw new IllegalArgumentException(text + " (expected: https://HOST or https://HOST:PORT)");
  }

  private static int portOr(int port, String scheme) {
    return port >= 0 ? port : scheme.equals("https") ? 443 : 80;
  }

  /**
   * Whether the page came from where this request went.
   *
   * @param hostHeader of the request; without a port it is the scheme's
   */
  public boolean isOf(String hostHeader) {
    try {
      return parse(scheme + "://" + hostHeader).equals(this);
    } catch (IllegalArgumentException _) {
      return false;
    }
  }

  /** Whether no name server had a say in where it is. */
  public boolean isAddress() {
    return host.equals("localhost") || ADDRESS.matcher(host).matches();
  }

  @Override
  public String toString() {
    return scheme + "://" + host + (port == portOr(-1, scheme) ? "" : ":" + port);
  }
}
