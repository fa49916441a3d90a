package dev.runnel.security.policy;

import dev.runnel.model.CommandSpec;

/** Which jobs' output is recorded. */
public enum RecordingScope {
  NONE,
  /** Those that run on a terminal. */
  TERMINALS,
  ALL;

  /** Whether a job of this command is one of them. */
  public boolean covers(CommandSpec command) {
    return this == ALL || (this == TERMINALS && command.terminal() != null);
  }
}
