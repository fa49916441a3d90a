package dev.runnel.security;

import dev.runnel.security.audit.Audit;
import dev.runnel.security.policy.Policy;
import dev.runnel.security.quota.Quotas;

/**
 * What a node's gate goes by, and where it writes down what it let through. The policy may be
 * exchanged while the node runs: what was decided stays decided. Any thread.
 */
public final class AccessControl {
  private final Audit audit;
  private final Quotas quotas;
  private volatile Policy policy;

  public AccessControl(Policy policy, Audit audit, Quotas quotas) {
    this.policy = policy;
    this.audit = audit;
    this.quotas = quotas;
  }

  /** One that lets everything through and writes nothing down. */
  public static AccessControl open() {
    return new AccessControl(Policy.NONE, Audit.NONE, Quotas.none());
  }

  public Quotas quotas() {
    return quotas;
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
