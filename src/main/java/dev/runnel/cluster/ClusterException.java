package dev.runnel.cluster;

/** A node cannot be in its cluster; the message says why. */
public final class ClusterException extends Exception {
  private static final long serialVersionUID = 1;

  ClusterException(String message) {
    super(message);
  }
}
