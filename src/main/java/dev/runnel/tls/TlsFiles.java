package dev.runnel.tls;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.CRL;
import java.security.cert.CertPathBuilder;
import java.security.cert.CertStore;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXBuilderParameters;
import java.security.cert.PKIXRevocationChecker;
import java.security.cert.PKIXRevocationChecker.Option;
import java.security.cert.X509CertSelector;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import javax.net.ssl.CertPathTrustManagerParameters;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.Nullable;

/**
 * The PEM files of one end of a connection. Reading them blocks.
 *
 * @param ca whom the other end's certificate has to come from; null: from whom the JDK trusts
 * @param cert our certificate, followed by those between it and its root; null: we have none
 * @param key the certificate's
 * @param crl which of the other end's certificates were taken back; null: none was
 */
public record TlsFiles(
    @Nullable Path ca, @Nullable Path cert, @Nullable Path key, @Nullable Path crl) {
  /** No certificate needs more; somebody may have named a device. */
  private static final long MAX_FILE_BYTES = 1 << 20;

  private static final char[] NO_PASSWORD = {};

  /** Without a list of what was taken back. */
  public TlsFiles(@Nullable Path ca, @Nullable Path cert, @Nullable Path key) {
    this(ca, cert, key, null);
  }

  /** Of what the files say now. */
  public SSLContext context() throws TlsException {
    return context(ca == null ? null : trust(ca, crl));
  }

  private SSLContext context(TrustManager @Nullable [] theirs) throws TlsException {
    KeyManager[] ours = cert == null || key == null ? new KeyManager[0] : identity(cert, key);
    try {
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(ours, theirs, null);
      return context;
    } catch (GeneralSecurityException e) {
      throw new TlsException("no TLS can be made: " + e.getMessage());
    }
  }

  private static KeyManager[] identity(Path cert, Path key) throws TlsException {
    List<X509Certificate> chain = certificates(cert);
    PrivateKey secret = secret(key, chain.getFirst());
    try {
      KeyStore store = empty();
      store.setKeyEntry("ours", secret, NO_PASSWORD, chain.toArray(X509Certificate[]::new));
      KeyManagerFactory factory = KeyManagerFactory.getInstance("PKIX");
      factory.init(store, NO_PASSWORD);
      return factory.getKeyManagers();
    } catch (GeneralSecurityException | IOException e) {
      throw new TlsException(cert + ": " + e.getMessage());
    }
  }

  /** Of what the files say now, for a client that connects: with whom it trusts. */
  SSLContext context(ServerTrust trust) throws TlsException {
    return context(new TrustManager[] {trust});
  }

  /** The certificates of that file, or those of the JDK and of the system. */
  ServerTrust serverTrust() throws TlsException {
    try {
      if (ca != null) {
        return new ServerTrust(ServerTrust.only(trust(ca)), false);
      }
      TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
      factory.init((KeyStore) null);
      return new ServerTrust(ServerTrust.only(factory.getTrustManagers()), true);
    } catch (GeneralSecurityException e) {
      throw new TlsException("no TLS can be made: " + e.getMessage());
    }
  }

  /**
   * When our certificate, or one between it and its root, stops or begins being good, if not now.
   */
  public @Nullable String outOfDate(Instant now) throws TlsException {
    for (X509Certificate one : cert == null ? List.<X509Certificate>of() : certificates(cert)) {
      String found = outOfDate(one, now);
      if (found != null) {
        return cert + ": the certificate " + found;
      }
    }
    return null;
  }

  /**
   * When our certificate, or one between it and its root, expires, if that is before so long is
   * over. Of one that is renewed often it is said only when most of its time is over.
   */
  public @Nullable String expiring(Instant now, Duration within) throws TlsException {
    for (X509Certificate one : cert == null ? List.<X509Certificate>of() : certificates(cert)) {
      Instant end = one.getNotAfter().toInstant();
      Duration left = Duration.between(now, end);
      Duration whole = Duration.between(one.getNotBefore().toInstant(), end);
      if (left.compareTo(within) < 0 && left.multipliedBy(3).compareTo(whole) < 0) {
        return cert + ": the certificate expires at " + end;
      }
    }
    return null;
  }

  static @Nullable String outOfDate(X509Certificate one, Instant now) {
    if (now.isAfter(one.getNotAfter().toInstant())) {
      return "expired at " + one.getNotAfter().toInstant();
    }
    return now.isBefore(one.getNotBefore().toInstant())
        ? "is not valid before " + one.getNotBefore().toInstant()
        : null;
  }

  /** What the file of revocation lists says now; a new list each time. */
  List<CRL> revocationLists() throws TlsException {
    return crl == null ? new ArrayList<>() : lists(crl);
  }

  static TrustManager[] trust(Path ca) throws TlsException {
    return trust(ca, null);
  }

  private static TrustManager[] trust(Path ca, @Nullable Path crl) throws TlsException {
    try {
      KeyStore store = empty();
      for (X509Certificate root : certificates(ca)) {
        store.setCertificateEntry("ca" + store.size(), root);
      }
      TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
      if (crl == null) {
        factory.init(store);
      } else {
        factory.init(new CertPathTrustManagerParameters(withRevocation(store, lists(crl))));
      }
      return factory.getTrustManagers();
    } catch (GeneralSecurityException | IOException e) {
      throw new TlsException(ca + ": " + e.getMessage());
    }
  }

  // By these lists and nothing else: no responder is asked, and what they don't cover is refused.
  private static PKIXBuilderParameters withRevocation(KeyStore roots, List<CRL> lists)
      throws GeneralSecurityException {
    PKIXBuilderParameters parameters = new PKIXBuilderParameters(roots, new X509CertSelector());
    parameters.addCertStore(
        CertStore.getInstance("Collection", new CollectionCertStoreParameters(lists)));
    if (CertPathBuilder.getInstance("PKIX").getRevocationChecker()
        instanceof PKIXRevocationChecker checker) {
      checker.setOptions(EnumSet.of(Option.PREFER_CRLS, Option.NO_FALLBACK));
      parameters.addCertPathChecker(checker);
    }
    return parameters;
  }

  private static List<CRL> lists(Path file) throws TlsException {
    List<CRL> lists = new ArrayList<>();
    try {
      CertificateFactory factory = CertificateFactory.getInstance("X.509");
      for (Pem block : blocks(file)) {
        if (block.label().equals("X509 CRL")) {
          lists.add(factory.generateCRL(new ByteArrayInputStream(block.der())));
        }
      }
    } catch (GeneralSecurityException _) {
      throw new TlsException(file + ": a revocation list that is damaged");
    }
    if (lists.isEmpty()) {
      throw new TlsException(file + ": no revocation list in it (expected: PEM)");
    }
    return lists;
  }

  private static KeyStore empty() throws GeneralSecurityException, IOException {
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    return store;
  }

  private static List<X509Certificate> certificates(Path file) throws TlsException {
    List<X509Certificate> certificates = new ArrayList<>();
    try {
      CertificateFactory factory = CertificateFactory.getInstance("X.509");
      for (Pem block : blocks(file)) {
        if (block.isCertificate()) {
          ByteArrayInputStream der = new ByteArrayInputStream(block.der());
          certificates.add((X509Certificate) factory.generateCertificate(der));
        }
      }
    } catch (CertificateException _) {
      throw new TlsException(file + ": a certificate that is damaged");
    }
    if (certificates.isEmpty()) {
      throw new TlsException(file + ": no certificate in it (expected: PEM)");
    }
    return certificates;
  }

  private static PrivateKey secret(Path file, X509Certificate certificate) throws TlsException {
    for (Pem block : blocks(file)) {
      if (block.isKey()) {
        try {
          return PrivateKeys.read(block, certificate.getPublicKey());
        } catch (TlsException e) {
          throw new TlsException(file + ": " + e.getMessage());
        }
      }
    }
    throw new TlsException(file + ": no private key in it (expected: PEM)");
  }

  private static List<Pem> blocks(Path file) throws TlsException {
    try {
      if (Files.size(file) > MAX_FILE_BYTES) {
        throw new TlsException(file + ": more than " + MAX_FILE_BYTES + " bytes");
      }
      return Pem.parse(Files.readString(file, StandardCharsets.ISO_8859_1));
    } catch (NoSuchFileException _) {
      throw new TlsException(file + ": no such file");
    } catch (IOException e) {
      throw new TlsException(file + ": cannot be read: " + e.getClass().getSimpleName());
    } catch (TlsException e) {
      String message = String.valueOf(e.getMessage());
      throw message.startsWith(file + ": ") ? e : new TlsException(file + ": " + message);
    }
  }
}
