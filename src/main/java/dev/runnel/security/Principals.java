package dev.runnel.security;

import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.util.Collection;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * As whom a peer is let in that shows no token. None of these names can be a token's, which have no
 * colon.
 */
public final class Principals {
  private static final int DNS = 2;
  private static final int URI = 6;
  private static final int MAX_CHARACTERS = 256;

  private Principals() {}

  /**
   * The certificate's URI ({@code spiffe://example/ci}), if it has just one; else the first of its
   * DNS names, as {@code dns:NAME}; null: it has neither. What stands in its subject counts for
   * nothing.
   */
  public static @Nullable String ofCertificate(X509Certificate certificate) {
    Collection<List<?>> names;
    try {
      names = certificate.getSubjectAlternativeNames();
    } catch (CertificateParsingException _) {
      return null;
    }
    List<String> uris = ofType(names, URI);
    if (!uris.isEmpty()) {
      // Not "dns:x" or "unix:x", which would pass for another kind.
      return uris.size() == 1 && uris.getFirst().contains("://") ? checked(uris.getFirst()) : null;
    }
    List<String> hosts = ofType(names, DNS);
    return hosts.isEmpty() ? null : checked("dns:" + hosts.getFirst());
  }

  private static List<String> ofType(@Nullable Collection<List<?>> names, int type) {
    return names == null
        ? List.of()
        : names.stream()
            .filter(name -> name.get(0) instanceof Integer kind && kind == type)
            .map(name -> String.valueOf(name.get(1)))
            .toList();
  }

  // It is going to be logged, and compared with what stands in a file.
  private static @Nullable String checked(String name) {
    return name.length() <= MAX_CHARACTERS && name.chars().allMatch(c -> c > ' ' && c < 0x7F)
        ? name
        : null;
  }

  /**
   * The user, as {@code unix:NAME}, or {@code uid:N} if it has no name here.
   *
   * @param user a name, or a number
   */
  public static String ofUser(String user) {
    if (!user.matches("[0-9]+")) {
      return "unix:" + user;
    }
    String name = Users.nameOf(user);
    return name == null ? "uid:" + user : "unix:" + name;
  }
}
