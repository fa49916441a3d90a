package dev.runnel.server;

import dev.runnel.security.identity.Principals;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;

/** The certificates that the peer of a TLS session has shown. */
public final class PeerCertificates {
  private PeerCertificates() {}

  /**
   * The peer's, and those between it and its root; empty: it has none.
   *
   * @throws CertificateException if one is out of date, or its key is too weak
   */
  // A session that is resumed was checked when it began.
  public static List<X509Certificate> of(SSLSession session) throws CertificateException {
    try {
      List<X509Certificate> chain = new ArrayList<>();
      for (Certificate one : session.getPeerCertificates()) {
        X509Certificate shown = (X509Certificate) one;
        shown.checkValidity();
        if (!Principals.isStrong(shown)) {
          throw new CertificateException("weak");
        }
        chain.add(shown);
      }
      return chain;
    } catch (SSLPeerUnverifiedException _) {
      return List.of();
    }
  }
}
