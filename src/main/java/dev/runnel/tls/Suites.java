package dev.runnel.tls;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;

/** What both ends agree to: TLS 1.3, or 1.2 with a key of its own for each connection. */
final class Suites {
  private static final String[] PROTOCOLS = {"TLSv1.3", "TLSv1.2"};

  /** The fastest first. */
  private static final List<String> PREFERRED =
      List.of(
          "TLS_AES_128_GCM_SHA256",
          "TLS_AES_256_GCM_SHA384",
          "TLS_CHACHA20_POLY1305_SHA256",
          "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
          "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
          "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
          "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
          "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
          "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256");

  private Suites() {}

  /** Of those that this JDK has and its administrator allows. */
  static SSLParameters parameters(SSLContext context) {
    Set<String> allowed = Set.of(context.getDefaultSSLParameters().getCipherSuites());
    List<String> suites = new ArrayList<>(PREFERRED);
    suites.removeIf(suite -> !allowed.contains(suite));
    SSLParameters parameters = new SSLParameters(suites.toArray(String[]::new), PROTOCOLS);
    parameters.setUseCipherSuitesOrder(true);
    return parameters;
  }
}
