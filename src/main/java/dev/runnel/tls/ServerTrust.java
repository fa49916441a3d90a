package dev.runnel.tls;

import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.List;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;
import org.jspecify.annotations.Nullable;

/**
 * Whom a client trusts: the CAs of a file that was named; else those of the JDK, and where they do
 * not know a certificate's, those of the system. Keeps what a server showed, also if it was
 * refused. For one connection.
 */
final class ServerTrust extends X509ExtendedTrustManager {
  /** Of Debian, Red Hat, SUSE and Alpine. */
  private static final List<Path> SYSTEM =
      List.of(
          Path.of("/etc/ssl/certs/ca-certificates.crt"),
          Path.of("/etc/pki/tls/certs/ca-bundle.crt"),
          Path.of("/etc/ssl/ca-bundle.pem"),
          Path.of("/etc/ssl/cert.pem"));

  private final X509ExtendedTrustManager first;
  private final boolean withSystem;
  private X509Certificate[] shown = {};

  ServerTrust(X509ExtendedTrustManager first, boolean withSystem) {
    this.first = first;
    this.withSystem = withSystem;
  }

  /** The server's certificate, followed by those between it and its root; empty: none came. */
  List<X509Certificate> shown() {
    return List.of(shown);
  }

  /** Where the CAs stand that are trusted. */
  String place() {
    return withSystem ? "the JDK's list or the system's (give --ca FILE)" : "--ca's";
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine)
      throws CertificateException {
    shown = chain.clone();
    try {
      first.checkServerTrusted(chain, type, engine);
    } catch (CertificateException e) {
      X509ExtendedTrustManager system = withSystem && isOfUnknownCa(e) ? system() : null;
      if (system == null) {
        throw e;
      }
      system.checkServerTrusted(chain, type, engine);
    }
  }

  static boolean isOfUnknownCa(Throwable e) {
    return String.valueOf(e.getMessage()).contains("unable to find valid certification path");
  }

  // Read where the JDK's do not do: it takes as long as a command.
  private static @Nullable X509ExtendedTrustManager system() {
    String named = System.getenv("SSL_CERT_FILE");
    List<Path> files = named == null || named.isEmpty() ? SYSTEM : List.of(Path.of(named));
    for (Path file : files) {
      try {
        if (Files.isReadable(file)
            && TlsFiles.trust(file)[0] instanceof X509ExtendedTrustManager t) {
          return t;
        }
      } catch (TlsException _) {
        // Nobody named it here: the next one may do.
      }
    }
    return null;
  }

  static X509ExtendedTrustManager only(TrustManager[] managers) {
    for (TrustManager manager : managers) {
      if (manager instanceof X509ExtendedTrustManager found) {
        return found;
      }
    }
    throw new IllegalStateException("every JDK has one");
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket)
      throws CertificateException {
    first.checkServerTrusted(chain, type, socket);
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String type) throws CertificateException {
    first.checkServerTrusted(chain, type);
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String type) throws CertificateException {
    first.checkClientTrusted(chain, type);
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket)
      throws CertificateException {
    first.checkClientTrusted(chain, type, socket);
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine)
      throws CertificateException {
    first.checkClientTrusted(chain, type, engine);
  }

  @Override
  public X509Certificate[] getAcceptedIssuers() {
    return first.getAcceptedIssuers();
  }
}
