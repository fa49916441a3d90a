package dev.runnel.tools;

import dev.runnel.cli.Arguments;
import dev.runnel.cli.CliContext;
import dev.runnel.cli.Failure;
import dev.runnel.cli.Help;
import dev.runnel.cli.Option;
import dev.runnel.cli.OutputDescriptor;
import dev.runnel.cli.VerbDefinition;
import dev.runnel.model.Argument;
import dev.runnel.model.Caller;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.JobSpec;
import dev.runnel.security.policy.ForbiddenException;
import dev.runnel.security.policy.Policy;
import dev.runnel.security.policy.Policy.Step;
import dev.runnel.security.policy.RuleDecision;
import dev.runnel.settings.PolicyFile;
import dev.runnel.settings.SettingsException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The verb {@code policy}: what a policy says to a command, and why. */
public final class PolicyVerb {
  private static final Option AS = Option.value("--as", "NAME", "the principal that asks");
  private static final Option CWD = Option.value("--cwd", "PATH", "the folder that it asks for");
  private static final Option USER = Option.value("--user", "NAME", "the user that it asks for");
  private static final Option ENV =
      Option.value("--env", "NAME", "a variable that it sets; repeatable");
  private static final Option LINE =
      Option.value("--shell", "LINE", "a line for /bin/sh, in place of a command").or("-c");

  /** Of a file that is none; 1 is a command that is forbidden. */
  private static final int NO_POLICY = 2;

  public static final VerbDefinition DEFINITION =
      new VerbDefinition(
          """
          Usage: runnel policy check FILE --as NAME [OPTION…] -- CMD [ARG…]
                 runnel policy check FILE --as NAME [OPTION…] -c LINE

          Prints what a policy decides about a command, rule by rule. Folders are looked up on this
          machine. Nothing is run.
          """,
          List.of(new Help.Section("Options", List.of(AS, CWD, USER, ENV, LINE))),
          """
          Exit code: 0 allowed, 1 forbidden, 2 wrong usage or no policy.

          Example:
            runnel policy check policy.yaml --as ci --env LANG -- git fetch origin
          """,
          PolicyVerb::run);

  private final OutputDescriptor out;

  private PolicyVerb(OutputDescriptor out) {
    this.out = out;
  }

  private static int run(CliContext context, Arguments given) throws Failure {
    List<Argument> words = given.operands();
    if (words.size() < 2 || !words.getFirst().equals(Argument.of("check"))) {
      throw Failure.usage("missing check FILE");
    }
    String line = given.value(LINE);
    List<Argument> command = words.subList(2, words.size());
    String principal = given.value(AS);
    if (principal == null) {
      throw Failure.usage("missing --as NAME");
    }
    if (command.isEmpty() == (line == null)) {
      throw Failure.usage(line == null ? "missing -- CMD, or -c LINE" : "both -c and a command");
    }
    Map<String, @Nullable String> env = new LinkedHashMap<>();
    given.values(ENV).forEach(name -> env.put(name, ""));
    List<Argument> argv = line == null ? command : CommandSpec.shellArgv(Argument.of(line));
    CommandSpec asked =
        new CommandSpec(
            argv, given.value(CWD), env, CommandSpec.Stderr.SEPARATE, CommandSpec.Stdin.NULL);
    try {
      Policy policy = PolicyFile.read(Path.of(words.get(1).toString()));
      Caller caller = new Caller(principal, "here", Caller.Via.UNIX);
      return new PolicyVerb(context.out()).check(policy, caller, asked.withUser(given.value(USER)));
    } catch (SettingsException e) {
      throw Failure.of(NO_POLICY, String.valueOf(e.getMessage()));
    }
  }

  private int check(Policy policy, Caller caller, CommandSpec command) throws Failure {
    JobSpec spec = JobSpec.of(command);
    for (Step step : policy.explain(caller, spec)) {
      out.print("rule " + step.rule().name() + ": " + words(step.finding()) + "\n");
    }
    try {
      tell(policy.judge(caller, spec).settle());
      return 0;
    } catch (ForbiddenException e) {
      out.print("forbidden: " + e.getMessage() + "\n");
      return 1;
    }
  }

  private static String words(RuleDecision finding) {
    return switch (finding) {
      case RuleDecision.NotAbout() -> "is about other principals";
      case RuleDecision.OtherCommand() -> "is about other commands";
      case RuleDecision.Denied(String why) -> "forbids it: " + why;
      case RuleDecision.Allowed _ -> "allows it";
    };
  }

  private void tell(CommandSpec settled) throws Failure {
    out.print("allowed: " + settled.display() + "\n");
    if (settled.cwd() != null) {
      out.print("  in " + settled.cwd() + "\n");
    }
    if (settled.user() != null) {
      out.print("  as " + settled.user() + "\n");
    }
  }
}
