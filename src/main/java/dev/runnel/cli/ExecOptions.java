package dev.runnel.cli;

import dev.runnel.model.Argument;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.JobId;
import dev.runnel.model.JobSpec;
import dev.runnel.model.Placement;
import dev.runnel.model.Request;
import dev.runnel.model.SystemText;
import dev.runnel.model.Terminal;
import dev.runnel.model.TraceContext;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** The options of {@code exec}, one for each key of a run, and the request they make. */
final class ExecOptions {
  static final Option SHELL =
      Option.value("--shell", "LINE", "a line for /bin/sh, in place of a command").or("-c");
  static final Option CWD = Option.value("--cwd", "PATH", "where it runs; absolute").or("-w");
  static final Option ENV =
      Option.value("--env", "NAME[=VALUE]", "set a variable, or pass ours on; may be repeated")
          .or("-e");
  static final Option MERGE =
      Option.flag("--merge", "stderr into stdout, in the exact order of writing");
  static final Option STDIN =
      Option.flag("--stdin", "send our stdin even if it is a terminal (else it is sent if not)")
          .or("-i");
  static final Option NO_STDIN = Option.flag("--no-stdin", "do not send our stdin").or("-n");
  static final Option PTY =
      Option.flag("--pty", "run it on a terminal, connected to ours").or("-t");
  static final Option FORCE_PTY =
      Option.flag("--force-pty", "on a terminal there, even if our stdin is none").or("-tt");
  static final Option ESCAPE =
      Option.value(
          "--escape",
          "CHAR|none",
          "with -t: what begins CHAR. (leave) and CHAR? (help), typed\nfirst on a line (default: ~)");
  static final Option DETACH =
      Option.flag("--detach", "leave it running, and print the name of its job, as runnel run does")
          .or("-d");
  static final Option JOB = Option.value("--job", "ID", "the job's name (default: the server's)");
  static final Option BOOT =
      Option.value("--boot", "ID", "only if the server was not restarted since");
  static final Option TIMEOUT = Option.value("--timeout", "TIME", "end it after so long");
  static final Option GRACE =
      Option.value("--grace", "TIME", "from TERM to KILL when it is ended (default: 2s)");
  static final Option DRAIN =
      Option.value(
          "--drain", "TIME", "silence after which its background children's output is cut\n(1s)");
  static final Option DRAIN_MAX =
      Option.value("--drain-max", "TIME", "how long they are read at most (default: 10s)");
  static final Option WINDOW =
      Option.value("--window", "SIZE", "output sent ahead of what we acknowledged");
  static final Option RETAIN =
      Option.value("--retain", "SIZE", "output the server keeps (default: 1M)");
  static final Option LEFTOVERS =
      Option.value("--leftovers", "kill|keep", "what becomes of background children\n(kill)");
  static final Option LINGER =
      Option.value(
          "--linger",
          "TIME",
          "how long a lost connection is tried anew, and the job goes on\nmeanwhile (default: 60s; on this machine: not at all)");
  static final Option NO_RESUME = Option.flag("--no-resume", "a lost connection ends the job");
  static final Option HEARTBEAT =
      Option.value(
          "--heartbeat",
          "TIME",
          "how often either side asks whether the other is there; after\nthree times without an answer the connection is lost (default:\nover TCP we ask every 10s, the server every hour)");
  static final Option REPORT =
      Option.value("--report", "FILE", "write how it ended there as JSON, whatever happens");
  static final Option QUIET = Option.flag("--quiet", "no notes on stderr, only errors").or("-q");

  static final Option NODE = Option.value("--node", "NAME", "on that node of the server's cluster");
  static final Option ANY = Option.flag("--any", "on a node of the cluster that has room");
  static final Option WHERE =
      Option.value(
          "--where",
          "KEY=VALUE",
          "on a node with that label that has room; repeatable,\nall must match");

  static final List<Help.Section> SECTIONS =
      List.of(
          new Help.Section(
              "What",
              List.of(
                  SHELL,
                  CWD,
                  ENV,
                  MERGE,
                  STDIN,
                  NO_STDIN,
                  PTY,
                  FORCE_PTY,
                  ESCAPE,
                  DETACH,
                  JOB,
                  LabelOption.OF_JOB)),
          new Help.Section("Secrets", List.of(SecretOptions.SECRET_ENV, SecretOptions.ENV_FROM)),
          new Help.Section(
              "How long, how much",
              List.of(TIMEOUT, GRACE, DRAIN, DRAIN_MAX, LEFTOVERS, WINDOW, RETAIN)),
          RestrictionOptions.SECTION,
          ConnectionOptions.SECTION,
          new Help.Section("In a cluster", List.of(NODE, ANY, WHERE)),
          new Help.Section("If the connection is lost", List.of(LINGER, NO_RESUME, HEARTBEAT)),
          new Help.Section("And", List.of(BOOT, REPORT, QUIET)));
  static final List<Option> TABLE = table();

  private ExecOptions() {}

  private static List<Option> table() {
    List<Option> table = new ArrayList<>();
    for (Help.Section section : SECTIONS) {
      table.addAll(section.options());
    }
    return table;
  }

  /**
   * What is run as the options say.
   *
   * @param defaults of the host that it runs on
   * @param terminal what it is to run on; null: no terminal
   */
  static Request.Run run(
      Arguments arguments,
      CliContext surroundings,
      Target.Defaults defaults,
      @Nullable Terminal terminal)
      throws Failure {
    return new Request.Run(job(arguments), spec(arguments, surroundings, defaults, terminal))
        .withBoot(arguments.value(BOOT))
        .withPlacement(placement(arguments));
  }

  private static Placement placement(Arguments arguments) throws Failure {
    String node = arguments.value(NODE);
    Map<String, String> where = new LinkedHashMap<>();
    for (String label : arguments.values(WHERE)) {
      int equals = label.indexOf('=');
      if (equals < 1) {
        throw Failure.usage(WHERE.name() + ": " + label + " (expected: KEY=VALUE)");
      }
      where.put(label.substring(0, equals), label.substring(equals + 1));
    }
    if (node != null && (arguments.has(ANY) || !where.isEmpty())) {
      throw Failure.usage(
          NODE.name() + " and " + (arguments.has(ANY) ? ANY : WHERE).name() + " as well");
    }
    return new Placement(arguments.has(ANY) ? Placement.ANY : node, where);
  }

  private static @Nullable JobId job(Arguments arguments) throws Failure {
    String name = arguments.value(JOB);
    return name == null ? null : jobId(JOB.name(), name);
  }

  /** The operands, each a job's name or its beginning; one at least. */
  static List<JobId> jobIds(Arguments arguments) throws Failure {
    List<JobId> jobs = new ArrayList<>();
    for (Argument word : arguments.operands()) {
      jobs.add(jobId("JOB", word.toString()));
    }
    if (jobs.isEmpty()) {
      throw Failure.usage("missing JOB");
    }
    return jobs;
  }

  static JobId jobId(String what, String name) throws Failure {
    if (!JobId.isValid(name)) {
      throw Failure.usage(what + ": " + name + " (expected: " + JobId.PATTERN + ")");
    }
    return new JobId(name);
  }

  private static JobSpec spec(
      Arguments arguments,
      CliContext surroundings,
      Target.Defaults defaults,
      @Nullable Terminal terminal)
      throws Failure {
    CommandSpec plain =
        new CommandSpec(
            argv(arguments),
            cwd(arguments, defaults),
            env(arguments, surroundings.env(), defaults),
            arguments.has(MERGE) ? CommandSpec.Stderr.MERGED : CommandSpec.Stderr.SEPARATE,
            stdin(arguments, terminal == null ? surroundings.input() : CliContext.Input.STREAM));
    CommandSpec command =
        RestrictionOptions.restricted(
            arguments, defaults, terminal == null ? plain : plain.withTerminal(terminal));
    long retain = size(arguments, RETAIN, JobSpec.DEFAULT_RETAIN_BYTES);
    String timeout = arguments.value(TIMEOUT);
    JobSpec spec =
        JobSpec.of(command.withSecrets(SecretOptions.secrets(arguments, surroundings.env())))
            .withGrace(duration(arguments, GRACE, JobSpec.DEFAULT_GRACE))
            .withDrain(
                duration(arguments, DRAIN, JobSpec.DEFAULT_DRAIN),
                duration(arguments, DRAIN_MAX, JobSpec.DEFAULT_DRAIN_MAX))
            .withLeftovers(leftovers(arguments))
            .withRetain(retain)
            .withWindow(window(arguments, terminal, retain))
            .withTrace(trace(surroundings.env()))
            .withLabels(LabelOption.labels(arguments, LabelOption.OF_JOB));
    return timeout == null
        ? spec
        : spec.withTimeout(Durations.parse(TIMEOUT, timeout, Duration.ofMillis(1)));
  }

  // What is none is no mistake of ours: W3C has it ignored.
  private static @Nullable TraceContext trace(Map<String, String> env) {
    String given = env.get(TraceContext.VARIABLE);
    return given != null && TraceContext.isOne(given) ? new TraceContext(given) : null;
  }

  private static List<Argument> argv(Arguments arguments) throws Failure {
    List<Argument> operands = arguments.operands();
    Argument shell = arguments.bytes(SHELL);
    if (shell == null && operands.isEmpty()) {
      throw Failure.usage("no command (expected: CMD ARG…, or -c LINE)");
    }
    if (shell != null && !operands.isEmpty()) {
      throw Failure.usage("-c and a command as well: " + operands.getFirst());
    }
    if (operands.size() > 0 && operands.getFirst().length() == 0) {
      throw Failure.usage("the command is an empty word");
    }
    return shell == null ? operands : CommandSpec.shellArgv(shell);
  }

  private static @Nullable String cwd(Arguments arguments, Target.Defaults defaults)
      throws Failure {
    Argument given = arguments.bytes(CWD);
    String cwd = given == null ? defaults.cwd() : SystemText.of(given.bytes());
    if (cwd != null && !cwd.startsWith("/")) {
      throw Failure.usage(
          CWD.name() + ": " + SystemText.shown(cwd) + " (expected: an absolute path)");
    }
    return cwd;
  }

  private static Map<String, @Nullable String> env(
      Arguments arguments, Map<String, String> ours, Target.Defaults defaults) throws Failure {
    Map<String, @Nullable String> env = new LinkedHashMap<>(defaults.env());
    for (Argument given : arguments.allBytes(ENV)) {
      String entry = SystemText.of(given.bytes());
      int equals = entry.indexOf('=');
      String name = equals < 0 ? entry : entry.substring(0, equals);
      if (name.isEmpty()) {
        throw Failure.usage(
            ENV.name() + ": " + SystemText.shown(entry) + " (expected: NAME=VALUE or NAME)");
      }
      // Not set here means not set there.
      env.put(name, equals < 0 ? OurVariables.value(ENV, name, ours) : entry.substring(equals + 1));
    }
    return env;
  }

  private static CommandSpec.Stdin stdin(Arguments arguments, CliContext.Input input)
      throws Failure {
    if (arguments.has(STDIN) && arguments.has(NO_STDIN)) {
      throw Failure.usage("--stdin and --no-stdin as well");
    }
    boolean sent =
        arguments.has(STDIN) || (!arguments.has(NO_STDIN) && input == CliContext.Input.STREAM);
    return sent ? CommandSpec.Stdin.PIPE : CommandSpec.Stdin.NULL;
  }

  /** What keys for us begin with; null: none is for us. */
  static @Nullable Character escape(Arguments arguments) throws Failure {
    String text = arguments.value(ESCAPE);
    if (text == null) {
      return '~';
    }
    if (text.equals("none")) {
      return null;
    }
    if (text.length() != 1 || text.charAt(0) <= ' ' || text.charAt(0) > '~') {
      throw Failure.usage(ESCAPE.name() + ": " + text + " (expected: a character, or none)");
    }
    return text.charAt(0);
  }

  private static JobSpec.Leftovers leftovers(Arguments arguments) throws Failure {
    String text = arguments.value(LEFTOVERS);
    if (text == null || text.equals("kill")) {
      return JobSpec.Leftovers.KILL;
    }
    if (text.equals("keep")) {
      return JobSpec.Leftovers.KEEP;
    }
    throw Failure.usage(LEFTOVERS.name() + ": " + text + " (expected: kill or keep)");
  }

  // Without a window what is under way would be more than the server lets a terminal be ahead.
  private static OptionalLong window(Arguments arguments, @Nullable Terminal terminal, long retain)
      throws Failure {
    if (!arguments.has(WINDOW)) {
      return terminal == null
          ? OptionalLong.empty()
          : OptionalLong.of(Math.min(retain, Terminal.MAX_AHEAD_BYTES));
    }
    long window = size(arguments, WINDOW, 0);
    if (window > retain) {
      throw Failure.usage(
          WINDOW.name()
              + ": "
              + window
              + " (limit: "
              + RETAIN.name()
              + ", which is "
              + retain
              + ")");
    }
    return OptionalLong.of(window);
  }

  private static Duration duration(Arguments arguments, Option option, Duration fallback)
      throws Failure {
    String text = arguments.value(option);
    return text == null ? fallback : Durations.parse(option, text, Duration.ZERO);
  }

  private static long size(Arguments arguments, Option option, long fallback) throws Failure {
    String text = arguments.value(option);
    return text == null ? fallback : Sizes.parse(option, text, JobSpec.MIN_WINDOW);
  }
}
