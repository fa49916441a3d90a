package dev.runnel.job;

import dev.runnel.model.Caller;
import org.jspecify.annotations.Nullable;

/**
 * Where a job comes from.
 *
 * @param caller who asked for it
 * @param rule of the policy that let it start; null: there is no policy
 * @param signals whether its runner may signal it
 */
public record JobOrigin(Caller caller, @Nullable String rule, Signals signals) {
  /** Whether a job takes signals from clients. */
  public enum Signals {
    TAKEN,
    REFUSED
  }

  /** Of a job that needs no rule. */
  public static JobOrigin of(Caller caller) {
    return new JobOrigin(caller, null, Signals.TAKEN);
  }

  public String principal() {
    return caller.principal();
  }
}
