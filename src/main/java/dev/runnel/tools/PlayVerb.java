package dev.runnel.tools;

import dev.runnel.cli.Arguments;
import dev.runnel.cli.Durations;
import dev.runnel.cli.Failure;
import dev.runnel.cli.Option;
import dev.runnel.cli.StandardStreams;
import dev.runnel.model.SafeText;
import dev.runnel.tools.CastReader.Event;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The verb {@code play}: shows a recording as it was. */
public final class PlayVerb {
  private static final Option SPEED =
      Option.value("--speed", "N", "so many times as fast: from 0.01 to 1000; default: 1");
  private static final Option IDLE_LIMIT =
      Option.value(
          "--idle-limit", "TIME", "no longer pause than that: 500ms, 2s; default: as FILE says");

  private static final ToolVerb VERB =
      new ToolVerb(
          "play",
          """
          Usage: runnel play FILE [--speed N] [--idle-limit TIME]

          Shows what a job printed, at the pace at which it did: a recording of runnel serve
          --record-dir, or any asciicast of version 2. Ctrl-C ends it. What is missing in a
          recording is reported at the end.
          """,
          List.of(SPEED, IDLE_LIMIT),
          """
          Exit code: 0 played, 1 FILE can't be read, or not to its end, 2 wrong usage, 130 ended by
          Ctrl-C, 141 nothing reads what it prints.

          Example:
            runnel play --speed 2 --idle-limit 1s 20260101T000000.000Z-build.7.cast
          """);

  // ctlseqs of xterm: a screen of one's own begins and ends, colors as usual, a cursor that shows.
  private static final String OWN_SCREEN = "\u001b[?1049h";
  private static final String SHARED_SCREEN = "\u001b[?1049l";
  private static final String RESET = "\u001b[0m\u001b[?25h";

  private static final int STDOUT_GONE = 141;

  private final PrintStream out;
  private final PrintStream err;
  private final List<String> incomplete = new ArrayList<>();
  private @Nullable Duration idleLimit;
  private double speed = 1;

  // Guarded by this: a signal comes on another thread.
  private boolean onOwnScreen;
  private boolean left;

  private PlayVerb(PrintStream out, PrintStream err) {
    this.out = out;
    this.err = err;
  }

  /** Runs the verb and returns the exit code. */
  public static int run(List<String> arguments, PrintStream out, PrintStream err) {
    return VERB.run(
        arguments,
        out,
        err,
        given -> {
          PlayVerb verb = new PlayVerb(out, err);
          verb.read(given);
          return verb.play(Path.of(given.expectOperands("FILE").getFirst().toString()));
        });
  }

  private void read(Arguments given) throws Failure {
    String speedText = given.value(SPEED);
    speed = speedText == null ? 1 : speed(speedText);
    String idle = given.value(IDLE_LIMIT);
    idleLimit = idle == null ? null : idleLimit(idle);
  }

  private static double speed(String text) throws Failure {
    if (text.matches("[0-9]{1,4}([.][0-9]{1,6})?")) {
      double speed = Double.parseDouble(text);
      if (speed >= 0.01 && speed <= 1_000) {
        return speed;
      }
    }
    throw Failure.usage("--speed: " + text + " (expected: from 0.01 to 1000)");
  }

  private static Duration idleLimit(String text) throws Failure {
    try {
      return Durations.parse(text);
    } catch (IllegalArgumentException e) {
      throw Failure.usage("--idle-limit: " + e.getMessage());
    }
  }

  private int play(Path from) throws IOException, InterruptedException {
    boolean onTerminal = StandardStreams.isTerminal(1);
    if (onTerminal) {
      Runtime.getRuntime().addShutdownHook(new Thread(this::leaveTerminal));
    }
    try (CastReader cast = CastReader.open(from)) {
      return play(cast) ? 0 : STDOUT_GONE;
    } finally {
      if (onTerminal) {
        leaveTerminal();
      }
      incomplete.forEach(what -> err.println("runnel play: " + from + what));
    }
  }

  // False: nobody reads what we print.
  private boolean play(CastReader cast) throws IOException, InterruptedException {
    Duration limit = idleLimit == null ? cast.idleLimit() : idleLimit;
    Duration before = Duration.ZERO;
    long due = System.nanoTime();
    for (Event event = cast.next(); event != null; event = cast.next()) {
      Duration pause = event.at().minus(before);
      if (!pause.isNegative()) {
        Duration bounded = limit != null && pause.compareTo(limit) > 0 ? limit : pause;
        due += Math.round(bounded.toNanos() / speed);
        before = event.at();
      }
      TimeUnit.NANOSECONDS.sleep(due - System.nanoTime());
      if (!show(event)) {
        return false;
      }
    }
    return true;
  }

  private boolean show(Event event) {
    if (event.code().equals("o")) {
      return print(event.data());
    }
    if (event.code().equals("m") && event.data().matches("(gap|cut): .*")) {
      incomplete.add(":" + event.line() + ": " + SafeText.oneLine(event.data()));
    }
    return true;
  }

  private synchronized boolean print(String text) {
    if (left) {
      return true;
    }
    int begun = text.lastIndexOf(OWN_SCREEN);
    int ended = text.lastIndexOf(SHARED_SCREEN);
    onOwnScreen = begun == ended ? onOwnScreen : begun > ended;
    out.writeBytes(text.getBytes(StandardCharsets.UTF_8));
    out.flush();
    return !out.checkError();
  }

  // Also after Ctrl-C: what follows would only be seen in the middle of the next prompt.
  private synchronized void leaveTerminal() {
    print(onOwnScreen ? SHARED_SCREEN + RESET : RESET);
    left = true;
  }
}
