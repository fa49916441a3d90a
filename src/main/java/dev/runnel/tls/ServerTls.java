package dev.runnel.tls;

import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;

/**
 * A server's end: an engine for each connection, of its files as they were when they were read
 * last. Connections that are there keep what they began with. Any thread.
 */
public final class ServerTls implements Supplier<SSLEngine> {
  private final TlsFiles files;
  private volatile SSLContext context;

  private ServerTls(TlsFiles files, SSLContext context) {
    this.files = files;
    this.context = context;
  }

  /**
   * Reads the files, which blocks.
   *
   * @param files with a certificate and its key; if there is a CA, peers are asked for certificates
   *     of its, and need not have one
   */
  public static ServerTls of(TlsFiles files) throws TlsException {
    return new ServerTls(files, files.context());
  }

  /** Reads the files anew, which blocks; if they are of no use, all stays as it was. */
  public void reload() throws TlsException {
    context = files.context();
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
