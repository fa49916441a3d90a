package dev.runnel.server;

/**
 * Where a job is that a client gave a name.
 *
 * @param principal whose it is
 * @param once the digest of what makes its run one execution; empty: nothing does
 */
public record JobPlace(String node, String boot, String principal, String once) {
  /** Whether a run of that principal means this one. */
  boolean isSame(JobPlace asked) {
    return !once.isEmpty() && once.equals(asked.once) && principal.equals(asked.principal);
  }
}
