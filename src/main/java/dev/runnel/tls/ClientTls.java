package dev.runnel.tls;

import java.io.IOException;
import java.net.Socket;
import java.util.List;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;

/** A client's end, over a blocking socket. Any thread. */
public final class ClientTls {
  private final SSLContext context;

  private ClientTls(SSLContext context) {
    this.context = context;
  }

  /** Reads the files, which blocks. */
  public static ClientTls of(TlsFiles files) throws TlsException {
    return new ClientTls(files.context());
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

  // RFC 6066: no addresses, and what the JDK would not take as a name is not told either.
  private static boolean isName(String host) {
    return host.matches("[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?") && !host.matches("[0-9.]+");
  }
}
