package dev.runnel.tools;

import dev.runnel.cli.Arguments;
import dev.runnel.cli.CliContext;
import dev.runnel.cli.Durations;
import dev.runnel.cli.Failure;
import dev.runnel.cli.Help;
import dev.runnel.cli.Option;
import dev.runnel.cli.StandardStreams;
import dev.runnel.cli.VerbDefinition;
import dev.runnel.model.SafeText;
import dev.runnel.tools.CastReader.Event;
import java.io.IOException;
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

  public static final VerbDefinition DEFINITION =
      new VerbDefinition(
          """
          Usage: runnel play FILE [--speed N] [--idle-limit TIME]

          Shows what a job printed, at the pace at which it did: a recording of runnel serve
          --record-dir, or any asciicast of version 2. Ctrl-C ends it. What is missing in a
          recording is reported at the end.
          """,
          List.of(new Help.Section("Options", List.of(SPEED, IDLE_LIMIT))),
          """
          Exit code: 0 played, 1 FILE can't be read, or not to its end, 2 wrong usage, 130 ended by
          Ctrl-C, 141 nothing reads what it prints.

          Example:
            runnel play --speed 2 --idle-limit 1s 20260101T000000.000Z-build.7.cast
          """,
          (context, given) -> {
            Path from = Path.of(given.expectOperands("FILE").getFirst().toString());
            return new PlayVerb(context, given).play(from);
          });

  // ctlseqs of xterm: a screen of one's own begins and ends, colors as usual, a cursor that shows.
  private static final String OWN_SCREEN = "\u001b[?1049h";
  private static final String SHARED_SCREEN = "\u001b[?1049l";
  private static final String RESET = "\u001b[0m\u001b[?25h";

  private final CliContext context;
  private final List<String> incomplete = new ArrayList<>();
  private final @Nullable Duration idleLimit;
  private final double speed;

  // Guarded by this: a signal comes on another thread.
  private boolean onOwnScreen;
  private boolean left;

  private PlayVerb(CliContext context, Arguments given) throws Failure {
    this.context = context;
    String speedText = given.value(SPEED);
    speed = speedText == null ? 1 : speed(speedText);
    String idle = given.value(IDLE_LIMIT);
    idleLimit = idle == null ? null : Durations.parse(IDLE_LIMIT, idle, Duration.ZERO);
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

  private int play(Path from) throws Failure, IOException, InterruptedException {
    boolean onTerminal = StandardStreams.isTerminal(1);
    if (onTerminal) {
      Runtime.getRuntime().addShutdownHook(new Thread(this::leaveTerminal));
    }
    try (CastReader cast = CastReader.open(from)) {
      play(cast);
      return 0;
    } finally {
      if (onTerminal) {
        leaveTerminal();
      }
      incomplete.forEach(what -> context.err().tryPrintLine("runnel play", from + what));
    }
  }

  private void play(CastReader cast) throws Failure, IOException, InterruptedException {
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
      show(event);
    }
  }

  private void show(Event event) throws Failure {
    if (event.code().equals("o")) {
      print(event.data());
    } else if (event.code().equals("m") && event.data().matches("(gap|cut): .*")) {
      incomplete.add(":" + event.line() + ": " + SafeText.oneLine(event.data()));
    }
  }

  private synchronized void print(String text) throws Failure {
    if (left) {
      return;
    }
    int begun = text.lastIndexOf(OWN_SCREEN);
    int ended = text.lastIndexOf(SHARED_SCREEN);
    onOwnScreen = begun == ended ? onOwnScreen : begun > ended;
    context.out().print(text);
  }

  // Also after Ctrl-C: what follows would only be seen in the middle of the next prompt.
  private synchronized void leaveTerminal() {
    try {
      print(onOwnScreen ? SHARED_SCREEN + RESET : RESET);
    } catch (Failure _) {
      // Nobody sees that screen any more.
    }
    left = true;
  }
}
