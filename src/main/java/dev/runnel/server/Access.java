package dev.runnel.server;

import dev.runnel.security.Tokens;

/** How a listener's peers are known. */
public sealed interface Access {
  /** By the token in their {@code hello}, which has to come first. */
  record ByToken(Tokens tokens) implements Access {}

  /** They need say nothing: the operating system let them in, or nobody asks. */
  record Open(String principal) implements Access {}
}
