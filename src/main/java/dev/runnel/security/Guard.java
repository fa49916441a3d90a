package dev.runnel.security;

/**
 * What a node's gate goes by, and where it writes down what it let through. The policy may be
 * exchanged while the node runs: what was decided stays decided. Any thread.
 */
public final class Guard {
  private final Audit audit;
  private volatile Policy policy;

  public Guard(Policy policy, Audit audit) {
    this.policy = policy;
    this.audit = audit;
  }

  public Audit audit() {
    return audit;
  }

  public Policy policy() {
    return policy;
  }

  /** From now on. */
  public void adopt(Policy other) {
    policy = other;
  }
}
