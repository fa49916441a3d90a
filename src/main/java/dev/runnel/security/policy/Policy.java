package dev.runnel.security.policy;

import dev.runnel.model.Argument;
import dev.runnel.model.Caller;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.JobSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Who may run what, and whose jobs they get at. The first rule that is about the principal and the
 * command decides; where none is, the command is not run. Immutable; any thread, nothing blocks.
 */
public final class Policy {
  /** Any command, and one's own jobs. */
  public static final Policy NONE = new Policy(null);

  private final @Nullable List<Rule> rules;

  private Policy(@Nullable List<Rule> rules) {
    this.rules = rules;
  }

  /** The policy of these rules, in their order. */
  public static Policy of(List<Rule> rules) {
    return new Policy(List.copyOf(rules));
  }

  /** What a rule said; the last one that spoke decided. */
  public record Step(Rule rule, RuleDecision finding) {}

  /**
   * Decides on a run.
   *
   * @throws ForbiddenException if it is not to be
   */
  public Authorization judge(Caller caller, JobSpec spec) throws ForbiddenException {
    if (rules == null) {
      return withoutRules(spec);
    }
    for (Rule rule : rules) {
      switch (rule.judge(caller, spec)) {
        case RuleDecision.NotAbout() -> {}
        case RuleDecision.OtherCommand() -> {}
        case RuleDecision.Denied(String why) -> throw new ForbiddenException(rule.name(), why);
        case RuleDecision.Allowed(JobSpec allowed) -> {
          return new Authorization(rule, allowed);
        }
      }
    }
    throw new ForbiddenException(
        null,
        "no rule of the policy lets "
            + caller.principal()
            + " run this command"
            + hint(caller, spec));
  }

  // "shell: true" reads like more than it is.
  private String hint(Caller caller, JobSpec spec) {
    Argument line = Argument.of("true");
    JobSpec shell = spec.withCommand(spec.command().withArgv(CommandSpec.shellArgv(line)));
    for (Rule rule : rules == null ? List.<Rule>of() : rules) {
      if (rule.isAbout(caller.principal())
          && !(rule.judge(caller, shell) instanceof RuleDecision.OtherCommand)) {
        return " (rule " + rule.name() + " is about lines for the shell only: -c LINE)";
      }
    }
    return "";
  }

  // The files of the server are not a caller's to choose from.
  private static Authorization withoutRules(JobSpec spec) throws ForbiddenException {
    if (!spec.command().secrets().fromServer().isEmpty()) {
      throw new ForbiddenException(null, "env_from: there is no policy that allows it");
    }
    return new Authorization(null, spec);
  }

  /** Every rule that was asked, up to the one that decided. */
  public List<Step> explain(Caller caller, JobSpec spec) {
    List<Step> steps = new ArrayList<>();
    for (Rule rule : rules == null ? List.<Rule>of() : rules) {
      RuleDecision finding = rule.judge(caller, spec);
      steps.add(new Step(rule, finding));
      if (finding instanceof RuleDecision.Allowed || finding instanceof RuleDecision.Denied) {
        break;
      }
    }
    return steps;
  }

  /** Whose jobs a principal may see: the most that any rule about it says. */
  public JobScope observe(String principal) {
    return reach(principal, Rule::observe);
  }

  /** Whose jobs it may signal, cancel and take over. */
  public JobScope control(String principal) {
    return reach(principal, Rule::control);
  }

  /** Whether a rule wants something recorded. */
  public boolean wantsRecordings() {
    return rules != null
        && rules.stream()
            .anyMatch(rule -> rule.recorded() != null && rule.recorded() != RecordingScope.NONE);
  }

  private JobScope reach(String principal, Function<Rule, JobScope> of) {
    return rules != null
            && rules.stream()
                .anyMatch(rule -> of.apply(rule) == JobScope.ALL && rule.isAbout(principal))
        ? JobScope.ALL
        : JobScope.OWN;
  }
}
