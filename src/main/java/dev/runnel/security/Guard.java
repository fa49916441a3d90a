package dev.runnel.security;

/**
 * What a node's gate goes by. It may be exchanged while the node runs: what was decided stays
 * decided. Any thread.
 */
public final class Guard {
  private volatile Policy policy;

  public Guard(Policy policy) {
    this.policy = policy;
  }

  public Policy policy() {
    return policy;
  }

  /** From now on. */
  public void adopt(Policy other) {
    policy = other;
  }
}
