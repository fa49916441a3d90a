package dev.runnel.cli;

import dev.runnel.model.End;
import dev.runnel.model.JobState;
import dev.runnel.model.JobStatus;
import dev.runnel.model.Outcome;
import dev.runnel.model.Request;
import dev.runnel.model.SafeText;
import dev.runnel.model.TerminalSize;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** {@code runnel jobs}: what runs on a server, and what ran. */
final class JobsVerb {
  static final Option JSON = Option.flag("--json", "as a JSON array, all there is to know");
  static final Option NAMES = Option.flag("--quiet", "only the names, one on each line").or("-q");
  static final Option WATCH = Option.flag("--watch", "again every two seconds, until Ctrl-C");
  static final Option ALL = Option.flag("--all", "ended jobs too").or("-a");
  static final Option PREFIX = Option.value("--prefix", "P", "only jobs whose names begin so");
  static final Option STATE =
      Option.value("--state", "S", "only jobs in it: starting, running, draining or\nended");

  private static final long WATCH_SECONDS = 2;

  /** To a terminal: go to the upper left, and clear what is there. */
  private static final String CLEAR = "\033[H\033[2J";

  private static final String BEFORE =
      """
      Usage: runnel jobs [-H HOST] [-a] [--prefix P] [--state S] [--label N=V]
                   [-q | --json | --watch]

      Lists a server's jobs, those that were started last first. Jobs that have ended are listed
      with -a, after those that run, or with --state ended; EXIT is the exit code, the signal, or
      what else ended the job; AGE counts from its start, and TOOK is how long it ran. On a terminal, lines are cut to its width. --json has all there is,
      ended jobs too.
      """;
  private static final String AFTER =
      """
      Exit code: 0; 2 wrong usage; 255 anything else.

      Example:
        runnel jobs -H build-1 --state running
      """;

  private static final Help.Section OWN =
      new Help.Section(
          "Which", List.of(ALL, PREFIX, STATE, LabelOption.OF_LIST, NAMES, JSON, WATCH));
  private static final String[] TITLES = {
    "JOB", "STATE", "EXIT", "AGE", "TOOK", "WHO", "BYTES", "FOLLOWERS", "COMMAND"
  };

  /** Those that run first; of those that ended, too, the last to start first. */
  private static final Comparator<JobStatus> ORDER =
      Comparator.comparing((JobStatus status) -> status.state() == JobState.ENDED)
          .thenComparing(JobsVerb::startedAt, Comparator.reverseOrder())
          .thenComparing(status -> status.job().value());

  static final VerbDefinition DEFINITION =
      new VerbDefinition(BEFORE, List.of(OWN, ConnectionOptions.SECTION), AFTER, JobsVerb::run);

  private JobsVerb() {}

  private static int run(CliContext surroundings, Arguments arguments) throws Failure {
    arguments.expectOperands();
    Request.Jobs request =
        new Request.Jobs(
            arguments.value(PREFIX),
            state(arguments.value(STATE)),
            LabelOption.labels(arguments, LabelOption.OF_LIST),
            Request.Jobs.MAX_LIMIT);
    if ((arguments.has(JSON) ? 1 : 0)
            + (arguments.has(WATCH) ? 1 : 0)
            + (arguments.has(NAMES) ? 1 : 0)
        > 1) {
      throw Failure.usage("--json, --quiet and --watch: expected: one of them");
    }
    boolean ended = arguments.has(ALL) || request.state() != null;
    Target target = ConnectionOptions.target(arguments, surroundings);
    if (arguments.has(JSON)) {
      surroundings.out().print(json(ask(surroundings, target, request)));
      return 0;
    }
    Table table = table(ask(surroundings, target, request), ended, Instant.now());
    if (arguments.has(NAMES)) {
      surroundings.out().print(table.names());
      return 0;
    }
    while (arguments.has(WATCH)) {
      TerminalSize size = size(surroundings);
      surroundings.out().print(CLEAR + (size == null ? table.text(0, 0) : table.screen(size)));
      pause();
      table = table(ask(surroundings, target, request), ended, Instant.now());
    }
    TerminalSize size = size(surroundings);
    surroundings.out().print(table.text(size == null ? 0 : size.cols(), 0));
    if (table.hidden() > 0) {
      surroundings.err().tryPrintLine(table.note());
    }
    return 0;
  }

  private static List<byte[]> ask(CliContext surroundings, Target target, Request.Jobs request)
      throws Failure {
    try (RequestClient inquiry = RequestClient.open(target, surroundings)) {
      inquiry.send(request);
      return JobNames.parts(
          inquiry,
          request.limit(),
          missing ->
              surroundings
                  .err()
                  .tryPrintLine(
                      SafeText.oneLine(
                          "without the jobs of nodes that did not answer: "
                              + String.join(", ", missing))));
    }
  }

  /** What the table has to fit; null: nothing, for it goes to no terminal. */
  private static @Nullable TerminalSize size(CliContext surroundings) throws Failure {
    String columns = surroundings.env().getOrDefault("COLUMNS", "");
    String lines = surroundings.env().getOrDefault("LINES", "");
    if (columns.matches("[1-9][0-9]{0,3}")) {
      int rows = lines.matches("[1-9][0-9]{0,3}") ? Integer.parseInt(lines) : 24;
      return new TerminalSize(rows, Integer.parseInt(columns));
    }
    return surroundings.out().isTerminal() ? new TerminalDevice().size() : null;
  }

  private static void pause() throws Failure {
    try {
      TimeUnit.SECONDS.sleep(WATCH_SECONDS);
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
      throw Failure.of("interrupted");
    }
  }

  private static @Nullable JobState state(@Nullable String name) throws Failure {
    if (name == null) {
      return null;
    }
    for (JobState state : JobState.values()) {
      if (state.wireName().equals(name)) {
        return state;
      }
    }
    throw Failure.usage(
        STATE.name() + ": " + name + " (expected: starting, running, draining or ended)");
  }

  /** One array of all the parts' elements. */
  static String json(List<byte[]> parts) {
    StringBuilder text = new StringBuilder("[");
    for (byte[] part : parts) {
      String array = new String(part, StandardCharsets.UTF_8).strip();
      String elements = array.substring(1, array.length() - 1).strip();
      if (!elements.isEmpty()) {
        text.append(text.length() > 1 ? ",\n" : "\n").append(elements);
      }
    }
    return text.append(text.length() > 1 ? "\n]\n" : "]\n").toString();
  }

  /**
   * Rows, the first of titles.
   *
   * @param hidden how many jobs have no row, because they have ended
   */
  record Table(List<String[]> rows, int hidden) {
    String names() {
      StringBuilder names = new StringBuilder();
      rows.subList(1, rows.size()).forEach(row -> names.append(row[0]).append('\n'));
      return names.toString();
    }

    String note() {
      return hidden
          + (hidden == 1 ? " ended job is not listed" : " ended jobs are not listed")
          + " (-a lists them)";
    }

    /**
     * As it is printed.
     *
     * @param columns to which lines are cut; 0: they are not
     * @param lines to which it is cut; 0: it is not
     */
    String text(int columns, int lines) {
      StringBuilder text = new StringBuilder();
      List<String> all = aligned(rows);
      int shown = lines > 0 && all.size() > lines ? Math.max(1, lines - 1) : all.size();
      for (String line : all.subList(0, shown)) {
        text.append(cut(line, columns)).append('\n');
      }
      if (shown < all.size() && lines > 1) {
        text.append(cut("… and " + (all.size() - shown) + " more", columns)).append('\n');
      }
      return text.toString();
    }

    /** So that a screen shows its first lines, and the cursor is below them. */
    String screen(TerminalSize size) {
      boolean noted = hidden > 0 && size.rows() > 2;
      String note = noted ? cut(note(), size.cols()) + "\n" : "";
      return text(size.cols(), Math.max(1, size.rows() - (noted ? 2 : 1))) + note;
    }

    private static String cut(String line, int columns) {
      int length = line.codePointCount(0, line.length());
      return columns <= 0 || length <= columns
          ? line
          : line.substring(0, line.offsetByCodePoints(0, columns - 1)) + "…";
    }
  }

  static Table table(List<byte[]> parts, boolean ended, Instant now) throws Failure {
    List<JobStatus> all = new ArrayList<>();
    for (byte[] part : parts) {
      all.addAll(JobNames.decode(part));
    }
    List<JobStatus> listed = new ArrayList<>(all);
    listed.removeIf(status -> !ended && status.state() == JobState.ENDED);
    listed.sort(ORDER);
    List<String[]> rows = new ArrayList<>();
    rows.add(TITLES);
    for (JobStatus status : listed) {
      rows.add(row(status, now));
    }
    return new Table(rows, all.size() - listed.size());
  }

  /** When it was started; never, if it was not. */
  static Instant startedAt(JobStatus status) {
    Instant started = status.startedAt();
    if (started == null && status.end() != null) {
      started = status.end().startedAt();
    }
    return started == null ? Instant.MIN : started;
  }

  private static String[] row(JobStatus status, Instant now) {
    Instant started = startedAt(status);
    return new String[] {
      status.job().value(),
      status.state().wireName(),
      status.end() == null ? "-" : outcome(status.end()),
      started.equals(Instant.MIN) ? "-" : age(Duration.between(started, now)),
      StatusVerb.took(status.end()),
      SafeText.oneLine(status.principal()),
      Sizes.show(status.outputBytes()),
      "" + status.followers(),
      SafeText.oneLine(status.command())
    };
  }

  /** Exit code or signal of a command that ended by itself; else what ended it. */
  private static String outcome(End end) {
    return end.outcome() == Outcome.EXITED || end.outcome() == Outcome.SIGNALED
        ? StatusVerb.exit(end)
        : end.outcome().wireName();
  }

  static String age(Duration age) {
    long seconds = Math.max(0, age.toSeconds());
    if (seconds < 60) {
      return seconds + "s";
    }
    if (seconds < 3_600) {
      return seconds / 60 + "m" + seconds % 60 + "s";
    }
    return seconds / 3_600 + "h" + seconds % 3_600 / 60 + "m";
  }

  /** Lines of the same columns; the last column has no blanks behind it. */
  static List<String> aligned(List<String[]> rows) {
    int last = rows.getFirst().length - 1;
    int[] widths = new int[last];
    for (String[] row : rows) {
      for (int i = 0; i < last; i++) {
        widths[i] = Math.max(widths[i], row[i].length());
      }
    }
    List<String> lines = new ArrayList<>();
    for (String[] row : rows) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < last; i++) {
        line.append(row[i]).repeat(' ', widths[i] + 2 - row[i].length());
      }
      lines.add(line.append(row[last]).toString());
    }
    return lines;
  }
}
