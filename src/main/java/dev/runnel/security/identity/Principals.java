package dev.runnel.security.identity;

import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.security.interfaces.ECKey;
import java.security.interfaces.EdECKey;
import java.security.interfaces.RSAKey;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * As whom a peer is let in that shows no token. None of these names can be a token's, which have no
 * colon.
 */
public final class Principals {
  private static final int DNS = 2;
  private static final int URI = 6;
  private static final int MAX_CHARACTERS = 256;
  private static final String HOST = "[A-Za-z0-9*_.-]+";

  private static final int MIN_RSA_BITS = 2_048;
  private static final int MIN_CURVE_BITS = 256;
  private static final List<String> WEAK_DIGESTS = List.of("MD2", "MD5", "SHA1WITH");

  /** What names of users and hosts begin with. */
  private static final Set<String> KINDS = Set.of("unix", "uid", "dns");

  /** A TCP peer's where no token is needed, an application's own, a Unix peer's not known. */
  private static final Set<String> RESERVED = Set.of("anonymous", "bus", "local");

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
      return uris.size() == 1 && isKindOfItsOwn(uris.getFirst()) ? checked(uris.getFirst()) : null;
    }
    List<String> hosts = ofType(names, DNS);
    return hosts.isEmpty() || !hosts.getFirst().matches(HOST)
        ? null
        : checked("dns:" + hosts.getFirst());
  }

  // Not "dns:x" or "unix://x", which would pass for another kind.
  private static boolean isKindOfItsOwn(String uri) {
    int end = uri.indexOf("://");
    return end > 0 && !KINDS.contains(uri.substring(0, end).toLowerCase(Locale.ROOT));
  }

  /** Whether it is the name of those who come in without any: no token may have it. */
  static boolean isReserved(String name) {
    return RESERVED.contains(name.toLowerCase(Locale.ROOT));
  }

  /**
   * Whether its key and its signature are strong enough to be believed, whoever has signed it: RSA
   * from 2,048 bits, elliptic curves from 256, no MD5 and no SHA-1 (NIST SP 800-131A).
   */
  public static boolean isStrong(X509Certificate certificate) {
    boolean isKeyStrong =
        switch (certificate.getPublicKey()) {
          case RSAKey rsa -> rsa.getModulus().bitLength() >= MIN_RSA_BITS;
          case ECKey curve -> curve.getParams().getOrder().bitLength() >= MIN_CURVE_BITS;
          case EdECKey _ -> true;
          default -> false;
        };
    String signature = certificate.getSigAlgName().toUpperCase(Locale.ROOT);
    return isKeyStrong && WEAK_DIGESTS.stream().noneMatch(signature::startsWith);
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
