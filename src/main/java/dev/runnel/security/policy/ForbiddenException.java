package dev.runnel.security.policy;

import org.jspecify.annotations.Nullable;

/** The policy does not allow it. Has no stack trace: it is nobody's bug. */
public final class ForbiddenException extends Exception {
  private static final long serialVersionUID = 1;
  private final @Nullable String rule;

  /**
   * @param rule that says so; null: none says anything else
   * @param why without arguments or values of the command, because it is logged
   */
  public ForbiddenException(@Nullable String rule, String why) {
    super(rule == null ? why : "rule " + rule + ": " + why, null, false, false);
    this.rule = rule;
  }

  @Override
  public String getMessage() {
    return String.valueOf(super.getMessage());
  }

  public @Nullable String rule() {
    return rule;
  }
}
