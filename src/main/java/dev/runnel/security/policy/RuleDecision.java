package dev.runnel.security.policy;

import dev.runnel.model.JobSpec;

/** What one rule says to one run. */
public sealed interface RuleDecision {
  /** It is about other principals. */
  record NotAbout() implements RuleDecision {}

  /** It is about other commands. */
  record OtherCommand() implements RuleDecision {}

  /** It forbids the run. */
  record Denied(String why) implements RuleDecision {}

  /** It allows the run, with what it prescribes filled in. */
  record Allowed(JobSpec spec) implements RuleDecision {}
}
