package dev.runnel.security.policy;

import dev.runnel.model.Argument;
import dev.runnel.model.Caller;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.JobSpec;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * One rule of a policy. What it does not name it does not allow. Immutable.
 *
 * @param name by which a denial names it
 * @param principals whom it is about
 * @param commands what they may run
 * @param place in what surroundings
 * @param bounds of the numbers they may ask for
 * @param quota how much of it
 * @param observe whose jobs they may see
 * @param control whose jobs they may signal, cancel and take over
 * @param recorded which of what it starts is recorded; null: what the daemon is told to record
 */
public record Rule(
    String name,
    List<Glob> principals,
    Commands commands,
    Place place,
    Map<LimitKey, Range> bounds,
    Quota quota,
    JobScope observe,
    JobScope control,
    @Nullable RecordingScope recorded) {

  /**
   * What may be run.
   *
   * @param patterns of argv; a shell line is {@code /bin/sh -c LINE}
   * @param forced runs in place of whatever was asked for; null: nothing is forced
   */
  public record Commands(List<ArgvPattern> patterns, @Nullable List<Argument> forced) {
    /** Whether any command may be run: then nothing is to be hidden from it either. */
    boolean isAll() {
      return patterns.stream().anyMatch(ArgvPattern::fitsAll);
    }

    /** Whether a shell is among it, or any command: a terminal makes that no more than it is. */
    public boolean hasShell() {
      return patterns.stream().anyMatch(ArgvPattern::fitsShell);
    }
  }

  /**
   * Surroundings of a command.
   *
   * @param users whom it may run as; the first is taken if none is asked for; empty: the daemon's
   * @param roots folders below which it may run; the first is taken if none is asked for
   * @param env names that may be set or removed
   * @param envFrom names whose values are in files here
   * @param leftovers what may become of background processes
   * @param terminals whether it may have one: on it many programs run others when they are asked to
   */
  public record Place(
      List<Glob> users,
      List<String> roots,
      List<Glob> env,
      Map<String, String> envFrom,
      JobSpec.Leftovers leftovers,
      Terminals terminals) {}

  /** Whether a command may run on a terminal. */
  public enum Terminals {
    REFUSED,
    ALLOWED
  }

  /** How many jobs one principal has by this rule: at once, and started within a minute. */
  public record Quota(OptionalInt jobs, OptionalInt startsPerMinute) {}

  boolean isAbout(String principal) {
    return anyMatches(principals, principal);
  }

  /** What it says to a command that somebody wants to run. */
  RuleDecision judge(Caller caller, JobSpec spec) {
    if (!isAbout(caller.principal())) {
      return new RuleDecision.NotAbout();
    }
    List<Argument> forced = commands.forced();
    if (forced != null) {
      return judgeRest(spec.withCommand(spec.command().withArgv(forced)));
    }
    List<Argument> argv = spec.command().argv();
    return commands.patterns().stream().anyMatch(pattern -> pattern.matches(argv))
        ? judgeRest(spec)
        : new RuleDecision.OtherCommand();
  }

  private RuleDecision judgeRest(JobSpec spec) {
    String why = whyNot(spec);
    return why == null ? bring(inPlace(spec)) : new RuleDecision.Denied(why);
  }

  private @Nullable String whyNot(JobSpec spec) {
    CommandSpec command = spec.command();
    if (command.user() != null && !anyMatches(place.users(), command.user())) {
      return "user: " + command.user() + expected(place.users());
    }
    if (command.user() == null
        && !place.users().isEmpty()
        && !place.users().getFirst().isLiteral()) {
      return "user: missing" + expected(place.users());
    }
    if (command.cwd() != null && place.roots().isEmpty()) {
      return "cwd: " + command.cwd() + " (expected: none)";
    }
    if (command.terminal() != null && place.terminals() == Terminals.REFUSED) {
      return "pty: a terminal (expected: none)";
    }
    if (spec.leftovers() == JobSpec.Leftovers.KEEP && place.leftovers() == JobSpec.Leftovers.KILL) {
      return "leftovers: keep (expected: kill)";
    }
    return whyNotEnv(command);
  }

  private @Nullable String whyNotEnv(CommandSpec command) {
    for (String name : command.envNames()) {
      if (isQuestion(command, name)) {
        continue;
      }
      if (!maySet(name)) {
        return "env: " + name + expected(place.env());
      }
    }
    for (String name : command.secrets().fromServer()) {
      if (!place.envFrom().containsKey(name)) {
        return "env_from: " + name + expected(place.envFrom().keySet());
      }
    }
    return null;
  }

  private boolean maySet(String name) {
    boolean writtenOut = DangerousVariables.has(name) && !commands.isAll();
    return place.env().stream()
        .anyMatch(glob -> glob.matches(name) && (glob.isLiteral() || !writtenOut));
  }

  private JobSpec inPlace(JobSpec spec) {
    CommandSpec command = spec.command();
    if (command.user() == null && !place.users().isEmpty()) {
      command = command.withUser(place.users().getFirst().toString());
    }
    if (command.cwd() == null && !place.roots().isEmpty()) {
      command = command.withCwd(place.roots().getFirst());
    }
    return spec.withCommand(command);
  }

  private RuleDecision bring(JobSpec spec) {
    JobSpec brought = spec;
    for (Map.Entry<LimitKey, Range> entry : bounds.entrySet()) {
      LimitKey bound = entry.getKey();
      Range range = entry.getValue();
      OptionalLong asked = bound.asked(spec);
      if (asked.isPresent() && !range.contains(asked.getAsLong())) {
        return new RuleDecision.Denied(
            bound.key() + ": " + shown(asked.getAsLong()) + " (expected: " + range + ")");
      }
      if (asked.isEmpty() && !range.contains(bound.usual())) {
        brought = bound.with(brought, range.nearest(bound.usual()));
      }
    }
    return brought.window().orElse(0) > brought.retainBytes()
        ? new RuleDecision.Denied(
            "window: "
                + brought.window().getAsLong()
                + " (limit: retain, which is "
                + brought.retainBytes()
                + " under this rule; ask for that)")
        : new RuleDecision.Allowed(brought);
  }

  private static String shown(long value) {
    return value == Range.UNLIMITED ? "forever" : Long.toString(value);
  }

  private static boolean anyMatches(List<Glob> globs, String text) {
    return globs.stream().anyMatch(glob -> glob.matches(text));
  }

  // It brings nothing: the server says there how it is called itself.
  private static boolean isQuestion(CommandSpec command, String name) {
    return name.equals(CommandSpec.LAUNCHER) && "".equals(command.env().get(name));
  }

  private static String expected(Collection<?> what) {
    return " (expected: "
        + (what.isEmpty()
            ? "none"
            : String.join(", ", what.stream().map(Object::toString).toList()))
        + ")";
  }
}
