package dev.runnel.tools;

import dev.runnel.cli.Arguments;
import dev.runnel.cli.Failure;
import dev.runnel.cli.Option;
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
import java.io.PrintStream;
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

  private static final ToolVerb VERB =
      new ToolVerb(
          "policy",
          """
          Usage: runnel policy check FILE --as NAME [OPTION…] -- CMD [ARG…]
                 runnel policy check FILE --as NAME [OPTION…] -c LINE

          Prints what a policy decides about a command, rule by rule. Folders are looked up on this
          machine. Nothing is run.
          """,
          List.of(AS, CWD, USER, ENV, LINE),
          """
          Exit code: 0 allowed, 1 forbidden, 2 wrong usage or no policy.

          Example:
            runnel policy check policy.yaml --as ci --env LANG -- git fetch origin
          """);

  private final PrintStream out;

  private PolicyVerb(PrintStream out) {
    this.out = out;
  }

  /** Runs the verb and returns the exit code. */
  public static int run(List<String> arguments, PrintStream out, PrintStream err) {
    return VERB.run(arguments, out, err, given -> new PolicyVerb(out).run(given, err));
  }

  private int run(Arguments given, PrintStream err) throws Failure {
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
    List<Argument> argv = line == null ? command : CommandSpec.shell(Argument.of(line));
    CommandSpec asked =
        new CommandSpec(
            argv, given.value(CWD), env, CommandSpec.Stderr.SEPARATE, CommandSpec.Stdin.NULL);
    try {
      Policy policy = PolicyFile.read(Path.of(words.get(1).toString()));
      return check(
          policy, new Caller(principal, "here", Caller.Via.UNIX), asked.as(given.value(USER)));
    } catch (SettingsException e) {
      err.println("runnel policy: " + e.getMessage());
      return 2;
    }
  }

  private int check(Policy policy, Caller caller, CommandSpec command) {
    JobSpec spec = JobSpec.of(command);
    for (Step step : policy.explain(caller, spec)) {
      out.println("rule " + step.rule().name() + ": " + words(step.finding()));
    }
    try {
      tell(policy.judge(caller, spec).settle());
      return 0;
    } catch (ForbiddenException e) {
      out.println("forbidden: " + e.getMessage());
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

  private void tell(CommandSpec settled) {
    out.println("allowed: " + settled.display());
    if (settled.cwd() != null) {
      out.println("  in " + settled.cwd());
    }
    if (settled.user() != null) {
      out.println("  as " + settled.user());
    }
  }
}
