package dev.runnel.tls;

import java.io.IOException;
import java.net.Socket;
import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import org.jspecify.annotations.Nullable;

/** A client's end, over a blocking socket. Any thread. */
public final class ClientTls {
  // RFC 5280, GeneralName.
  private static final int DNS_NAME = 2;
  private static final int ADDRESS = 7;

  private final SSLContext context;

  private final ServerTrust trust;

  private ClientTls(SSLContext context, ServerTrust trust) {
    this.context = context;
    this.trust = trust;
  }

  /** Reads the files, which blocks. */
  public static ClientTls of(TlsFiles files) throws TlsException {
    ServerTrust trust = files.serverTrust();
    return new ClientTls(files.context(trust), trust);
  }

  /**
   * Shakes hands over a connected socket, which blocks; its timeout for reads bounds each of them.
   *
   * @param host whose name or address has to be in the server's certificate
   */
  public SecureSocket secure(Socket socket, String host, int port) throws IOException {
    SSLEngine engine = context.createSSLEngine(host, port);
    SSLParameters parameters = Suites.parameters(context);
    parameters.setEndpointIdentificationAlgorithm("HTTPS");
    if (isName(host)) {
      parameters.setServerNames(List.of(new SNIHostName(host)));
    }
    engine.setUseClientMode(true);
    engine.setSSLParameters(parameters);
    return new SecureSocket(engine, socket);
  }

  /**
   * Why the server's certificate was refused, in words; null: it is not known.
   *
   * @param host whose name or address was to be in it
   */
  public @Nullable String refusal(Throwable thrown, String host) {
    List<X509Certificate> shown = trust.shown();
    if (shown.isEmpty()) {
      return null;
    }
    if (ServerTrust.isOfUnknownCa(thrown)) {
      return "its certificate is of no CA in " + trust.place();
    }
    Instant now = Instant.now();
    for (X509Certificate one : shown) {
      String when = TlsFiles.outOfDate(one, now);
      if (when != null) {
        return (one.equals(shown.getFirst()) ? "its certificate " : "its CA's certificate ") + when;
      }
    }
    String names = names(shown.getFirst());
    String wrong = "(?s).*(No name matching|No subject alternative).*";
    return !String.valueOf(thrown.getMessage()).matches(wrong)
        ? null
        : names.isEmpty()
            ? "its certificate has no DNS name or address, as " + host + " (a CN does not count)"
            : "its certificate is not for "
                + host
                + " but for "
                + names
                + " (--tls-name NAME says which to expect)";
  }

  private static String names(X509Certificate certificate) {
    StringBuilder names = new StringBuilder();
    try {
      Collection<List<?>> all = certificate.getSubjectAlternativeNames();
      for (List<?> name : all == null ? List.<List<?>>of() : all) {
        if (name.get(0) instanceof Integer type && (type == DNS_NAME || type == ADDRESS)) {
          names.append(names.isEmpty() ? "" : ", ").append(name.get(1));
        }
      }
    } catch (CertificateParsingException _) {
      // Then it has none that can be told.
    }
    return names.toString();
  }

  // RFC 6066: no addresses, and what the JDK would not take as a name is not told either.
  private static boolean isName(String host) {
    return host.matches("[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?") && !host.matches("[0-9.]+");
  }
}
