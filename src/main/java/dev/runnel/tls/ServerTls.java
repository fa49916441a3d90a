package dev.runnel.tls;

import java.security.cert.CRL;
import java.security.cert.X509CRL;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;

/**
 * A server's end: an engine for each connection, of its files as they were when they were read
 * last. Connections that are there keep what they began with; {@link #isRevoked} says which of
 * their certificates have been revoked since. Any thread.
 */
public final class ServerTls implements Supplier<SSLEngine> {
  private final TlsFiles files;
  private volatile SSLContext context;
  private volatile List<CRL> revocationLists;

  private ServerTls(TlsFiles files) throws TlsException {
    this.files = files;
    this.context = files.context();
    this.revocationLists = files.revocationLists();
  }

  /**
   * Reads the files, which blocks.
   *
   * @param files with a certificate and its key; if there is a CA, peers are asked for certificates
   *     of its, and need not have one
   */
  public static ServerTls of(TlsFiles files) throws TlsException {
    return new ServerTls(files);
  }

  /** Reads the files anew, which blocks; if they are of no use, all stays as it was. */
  public void reload() throws TlsException {
    SSLContext now = files.context();
    revocationLists = files.revocationLists();
    context = now;
  }

  /** The revocation lists as they were read last: another object after each reading. */
  public List<CRL> revocationLists() {
    return revocationLists;
  }

  /** Whether one of these certificates is in a list of its issuer now. */
  public boolean isRevoked(List<X509Certificate> chain) {
    List<CRL> lists = revocationLists;
    return chain.stream()
        .anyMatch(one -> lists.stream().anyMatch(list -> isRevoked(one, (X509CRL) list)));
  }

  private static boolean isRevoked(X509Certificate one, X509CRL list) {
    return list.getIssuerX500Principal().equals(one.getIssuerX500Principal())
        && list.isRevoked(one);
  }

  /** Of the files as they were read last. */
  public SSLContext context() {
    return context;
  }

  /** For a connection that begins now. */
  @Override
  public SSLEngine get() {
    SSLContext now = context;
    SSLParameters parameters = Suites.parameters(now);
    parameters.setWantClientAuth(files.ca() != null);
    SSLEngine engine = now.createSSLEngine();
    engine.setUseClientMode(false);
    engine.setSSLParameters(parameters);
    return engine;
  }
}
