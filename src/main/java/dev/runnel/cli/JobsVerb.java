package dev.runnel.cli;

import dev.runnel.model.JobState;
import dev.runnel.model.JobStatus;
import dev.runnel.model.Request;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** {@code runnel jobs}: what runs on a server, and what ran. */
final class JobsVerb {
  static final Option JSON = Option.flag("--json", "as a JSON array, all there is to know");
  static final Option WATCH = Option.flag("--watch", "again every two seconds, until Ctrl-C");
  static final Option PREFIX = Option.value("--prefix", "P", "only jobs whose names begin so");
  static final Option STATE =
      Option.value("--state", "S", "only jobs in it: starting, running, draining or\nended");

  private static final long WATCH_SECONDS = 2;

  /** To a terminal: go to the upper left, and clear what is there. */
  private static final String CLEAR = "\033[H\033[2J";

  private static final String BEFORE =
      """
      Usage: runnel jobs [-H HOST] [--prefix P] [--state S] [--json | --watch]

      Lists a server's jobs: those that run, and those that ended of late.
      """;
  private static final String AFTER =
      """
      Exit code: 0; 2 wrong usage; 255 anything else.

      Example:
        runnel jobs -H build-1 --state running
      """;

  private static final Help.Section OWN =
      new Help.Section("Which", List.of(PREFIX, STATE, JSON, WATCH));
  private static final String[] TITLES = {
    "JOB", "STATE", "AGE", "WHO", "BYTES", "FOLLOWERS", "COMMAND"
  };

  private JobsVerb() {}

  static String help() {
    return Help.of(BEFORE, List.of(OWN, ConnectionOptions.SECTION), AFTER);
  }

  static int run(Surroundings surroundings, CommandLine line) throws Failure {
    List<Option> table = new ArrayList<>(OWN.options());
    table.addAll(ConnectionOptions.TABLE);
    Arguments arguments = new Arguments(table, line);
    arguments.read();
    if (arguments.has(ConnectionOptions.HELP)) {
      surroundings.out().print(help());
      return 0;
    }
    arguments.expectOperands();
    Request.Jobs request =
        new Request.Jobs(
            arguments.value(PREFIX), state(arguments.value(STATE)), Request.Jobs.MAX_LIMIT);
    if (arguments.has(JSON) && arguments.has(WATCH)) {
      throw Failure.usage("--json and --watch as well");
    }
    Target target = ConnectionOptions.target(arguments, surroundings);
    String text = text(surroundings, target, request, arguments);
    while (arguments.has(WATCH)) {
      surroundings.out().print(CLEAR + text);
      pause();
      text = text(surroundings, target, request, arguments);
    }
    surroundings.out().print(text);
    return 0;
  }

  private static String text(
      Surroundings surroundings, Target target, Request.Jobs request, Arguments arguments)
      throws Failure {
    try (Inquiry inquiry = Inquiry.open(target, surroundings)) {
      inquiry.send(request);
      List<byte[]> parts = JobNames.parts(inquiry, request.limit());
      return arguments.has(JSON) ? json(parts) : table(parts, Instant.now());
    }
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
  private static String json(List<byte[]> parts) {
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

  static String table(List<byte[]> parts, Instant now) throws Failure {
    List<String[]> rows = new ArrayList<>();
    rows.add(TITLES);
    for (byte[] part : parts) {
      for (JobStatus status : JobNames.decode(part)) {
        rows.add(row(status, now));
      }
    }
    return aligned(rows);
  }

  private static String[] row(JobStatus status, Instant now) {
    Instant started = status.startedAt();
    return new String[] {
      status.job().value(),
      status.state().wireName(),
      started == null ? "-" : age(Duration.between(started, now)),
      Text.oneLine(status.principal()),
      "" + status.outputBytes(),
      "" + status.followers(),
      Text.oneLine(status.command())
    };
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

  private static String aligned(List<String[]> rows) {
    int last = TITLES.length - 1;
    int[] widths = new int[last];
    for (String[] row : rows) {
      for (int i = 0; i < last; i++) {
        widths[i] = Math.max(widths[i], row[i].length());
      }
    }
    StringBuilder text = new StringBuilder();
    for (String[] row : rows) {
      for (int i = 0; i < last; i++) {
        text.append(row[i]).repeat(' ', widths[i] + 2 - row[i].length());
      }
      text.append(row[last]).append('\n');
    }
    return text.toString();
  }
}
