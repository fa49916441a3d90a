package dev.runnel.security;

import dev.runnel.model.JobSpec;

/** What one rule says to one run. */
public sealed interface Finding {
  /** It is about other principals. */
  record NotAbout() implements Finding {}

  /** It is about other commands. */
  record OtherCommand() implements Finding {}

  /** It forbids the run. */
  record Denied(String why) implements Finding {}

  /** It allows the run, with what it prescribes filled in. */
  record Allowed(JobSpec spec) implements Finding {}
}
