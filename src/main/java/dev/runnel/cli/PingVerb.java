package dev.runnel.cli;

import dev.runnel.model.Event;
import dev.runnel.model.Request;
import dev.runnel.model.SafeText;
import java.util.List;

/** {@code runnel ping}: is a server there, who is it, how far away. */
final class PingVerb {
  /** The first are slow because of us: our code is being loaded. The least is told. */
  private static final int ROUNDS = 8;

  private static final String BEFORE =
      """
      Usage: runnel ping [-H HOST]

      Prints a server's node, software and round-trip time.
      """;
  private static final String AFTER =
      """
      Exit code: 0 it answered; 2 wrong usage; 255 it did not.

      Example:
        runnel ping -H build-1 --wait 30s
      """;

  static final VerbDefinition DEFINITION =
      new VerbDefinition(BEFORE, List.of(ConnectionOptions.SECTION), AFTER, PingVerb::run);

  private PingVerb() {}

  private static int run(CliContext surroundings, Arguments arguments) throws Failure {
    arguments.expectOperands();
    Target target = ConnectionOptions.target(arguments, surroundings);
    try (RequestClient inquiry = RequestClient.open(target, surroundings)) {
      surroundings.out().print(ping(inquiry, target));
      return 0;
    }
  }

  private static String ping(RequestClient inquiry, Target target) throws Failure {
    if (target.token() == null) {
      inquiry.send(new Request.Hello(1, null));
    }
    if (!(inquiry.next() instanceof Event.Hello server)) {
      throw strange(inquiry);
    }
    long nanos = Long.MAX_VALUE;
    for (int i = 0; i < ROUNDS; i++) {
      nanos = Math.min(nanos, roundTrip(inquiry));
    }
    String who = SafeText.oneLine(server.node() + ": " + server.software());
    return who + ", " + millis(nanos) + " ms\n";
  }

  private static long roundTrip(RequestClient inquiry) throws Failure {
    long start = System.nanoTime();
    inquiry.send(new Request.Ping());
    if (!(inquiry.next() instanceof Event.Pong)) {
      throw strange(inquiry);
    }
    return System.nanoTime() - start;
  }

  private static Failure strange(RequestClient inquiry) {
    return Failure.of(inquiry.host().name() + " answered something else than was asked");
  }

  /** With two decimals. */
  private static String millis(long nanos) {
    long hundredths = nanos / 10_000;
    return hundredths / 100 + "." + hundredths % 100 / 10 + hundredths % 10;
  }
}
