package dev.runnel.cli;

import dev.runnel.model.Event;
import dev.runnel.model.Request;
import java.util.List;

/** {@code runnel ping}: is a server there, who is it, how far away. */
final class PingVerb {
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

  private PingVerb() {}

  static String help() {
    return Help.of(BEFORE, List.of(ConnectionOptions.SECTION), AFTER);
  }

  static int run(Surroundings surroundings, CommandLine line) throws Failure {
    Arguments arguments = new Arguments(ConnectionOptions.TABLE, line);
    arguments.read();
    if (arguments.has(ConnectionOptions.HELP)) {
      surroundings.out().print(help());
      return 0;
    }
    arguments.expectOperands();
    Target target = ConnectionOptions.target(arguments, surroundings);
    try (Inquiry inquiry = Inquiry.open(target, surroundings)) {
      surroundings.out().print(ping(inquiry, target));
      return 0;
    }
  }

  private static String ping(Inquiry inquiry, Target target) throws Failure {
    if (target.token() == null) {
      inquiry.send(new Request.Hello(1, null));
    }
    Event hello = inquiry.next();
    long start = System.nanoTime();
    inquiry.send(new Request.Ping());
    Event pong = inquiry.next();
    long micros = (System.nanoTime() - start) / 1_000;
    if (!(hello instanceof Event.Hello server) || !(pong instanceof Event.Pong)) {
      throw Failure.of(inquiry.host().name() + " answered something else than was asked");
    }
    String hundredths = "" + (100 + micros / 10 % 100);
    return Text.oneLine(server.node() + ": " + server.software())
        + ", "
        + micros / 1_000
        + "."
        + hundredths.substring(1)
        + " ms\n";
  }
}
