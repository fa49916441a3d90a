package dev.runnel.tools;

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
  private static final String HELP =
      """
      usage: runnel policy check FILE --as NAME [OPTION…] -- CMD [ARG…]
             runnel policy check FILE --as NAME [OPTION…] -c LINE

      Prints what a policy decides about a command, rule by rule. Folders are looked up on this
      machine. Nothing is run.

      options:
        --as NAME     the principal that asks
        --cwd PATH    the folder that it asks for
        --user NAME   the user that it asks for
        --env NAME    a variable that it sets; repeatable
        -c LINE       a line for /bin/sh, in place of a command

      exit code: 0 allowed, 1 forbidden, 2 wrong usage or no policy

      example:
        runnel policy check policy.yaml --as ci --env LANG -- git fetch origin
      """;

  private final PrintStream out;
  private final Map<String, @Nullable String> env = new LinkedHashMap<>();
  private @Nullable String principal;
  private @Nullable String cwd;
  private @Nullable String user;
  private List<Argument> argv = List.of();

  private PolicyVerb(PrintStream out) {
    this.out = out;
  }

  /** Runs the verb and returns the exit code. */
  public static int run(List<String> arguments, PrintStream out, PrintStream err) {
    if (!arguments.isEmpty() && List.of("--help", "-h").contains(arguments.getFirst())) {
      out.print(HELP);
      return 0;
    }
    try {
      if (arguments.size() < 2 || !arguments.getFirst().equals("check")) {
        throw new IllegalArgumentException("expected: check FILE");
      }
      PolicyVerb verb = new PolicyVerb(out);
      verb.parse(arguments.subList(2, arguments.size()));
      return verb.check(PolicyFile.read(Path.of(arguments.get(1))));
    } catch (IllegalArgumentException e) {
      err.println("runnel policy: " + e.getMessage());
      err.println("see runnel policy --help");
      return 2;
    } catch (SettingsException e) {
      err.println("runnel policy: " + e.getMessage());
      return 2;
    }
  }

  private void parse(List<String> options) {
    int at = 0;
    while (at < options.size() && !options.get(at).equals("--")) {
      if (at + 1 == options.size()) {
        throw new IllegalArgumentException(options.get(at) + ": a value is missing");
      }
      set(options.get(at), options.get(at + 1));
      at += 2;
    }
    if (at < options.size()) {
      argv = options.subList(at + 1, options.size()).stream().map(Argument::of).toList();
    }
    if (principal == null || argv.isEmpty()) {
      throw new IllegalArgumentException(
          principal == null ? "--as: missing" : "no command (expected: -- CMD ARG…, or -c LINE)");
    }
  }

  private void set(String option, String value) {
    switch (option) {
      case "--as" -> principal = value;
      case "--cwd" -> cwd = value;
      case "--user" -> user = value;
      case "--env" -> env.put(value, "");
      case "-c" -> argv = CommandSpec.shell(Argument.of(value));
      default -> throw new IllegalArgumentException(option + ": unknown option");
    }
  }

  private int check(Policy policy) {
    CommandSpec command =
        new CommandSpec(argv, cwd, env, CommandSpec.Stderr.SEPARATE, CommandSpec.Stdin.NULL);
    JobSpec spec = JobSpec.of(command.as(user));
    Caller caller = new Caller(String.valueOf(principal), "here", Caller.Via.UNIX);
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
