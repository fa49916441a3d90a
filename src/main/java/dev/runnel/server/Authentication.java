package dev.runnel.server;

import dev.runnel.security.identity.Tokens;
import dev.runnel.tls.ServerTls;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** How a listener's peers are known. */
public sealed interface Authentication {
  /** By the token in their {@code hello}, which has to come first. */
  record ByToken(Supplier<Tokens> tokens) implements Authentication {
    /** Those that stay the same. */
    public ByToken(Tokens tokens) {
      this(() -> tokens);
    }
  }

  /** They need say nothing: the operating system let them in, or nobody asks. */
  record Open(String principal) implements Authentication {}

  /** By the user that the kernel says is at the other end of a Unix socket. */
  record ByUser() implements Authentication {}

  /**
   * They are nodes of the cluster, which say in {@code hello} on whose behalf they ask. Under TLS a
   * node is known by a certificate with the URI {@code runnel://CLUSTER/NODE}.
   *
   * @param cluster its name
   * @param secret without TLS the token that they show; null: they show certificates
   */
  record ByNode(String cluster, @Nullable String secret) implements Authentication {
    /** Without the secret. */
    @Override
    public String toString() {
      return "ByNode[cluster=" + cluster + "]";
    }
  }

  /**
   * Everything goes through TLS. A peer with a certificate that the engine's trust managers accept
   * is known by it.
   *
   * @param tls makes the engine of each connection, and knows which certificates were revoked
   * @param otherwise how peers without a certificate are known
   */
  record OverTls(ServerTls tls, Authentication otherwise) implements Authentication {}
}
