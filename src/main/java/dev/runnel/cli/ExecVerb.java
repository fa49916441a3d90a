package dev.runnel.cli;

import dev.runnel.model.Event;
import dev.runnel.model.Request;
import dev.runnel.model.Signal;
import dev.runnel.wire.RequestEncoder;
import java.io.IOException;
import java.nio.ByteBuffer;

/** {@code runnel exec}: runs a command over there as if it ran here. For one run. */
final class ExecVerb {
  private final Surroundings surroundings;
  private final Arguments arguments;
  private final Conclusion conclusion;
  private final Leaving leaving;

  ExecVerb(Surroundings surroundings, CommandLine line) {
    this.surroundings = surroundings;
    this.arguments = new Arguments(ExecOptions.TABLE, line);
    this.conclusion = new Conclusion(surroundings.err());
    this.leaving = new Leaving(conclusion, surroundings.halt());
  }

  int run() {
    try {
      arguments.read();
      if (arguments.has(ConnectionOptions.HELP)) {
        surroundings.out().print(ExecHelp.text());
        return 0;
      }
      return conclusion.tell(exec());
    } catch (Failure e) {
      return fail(e);
    } catch (RuntimeException | Error e) {
      return fail(Failure.bug(e));
    } finally {
      leaving.closeServer();
    }
  }

  private int fail(Failure failure) {
    try {
      prepareConclusion();
    } catch (Failure _) {
      // Told already, or less important than what we are about to tell.
    }
    return conclusion.tell(Verdict.of(failure));
  }

  private Verdict exec() throws Failure {
    prepareConclusion();
    Target target = ConnectionOptions.target(arguments, surroundings);
    Request.Run run = ExecOptions.run(arguments, surroundings);
    byte[] frame = encode(run);
    watchSignals();
    try (Connection connection = connect(target)) {
      return follow(connection, target, run, frame);
    }
  }

  private void prepareConclusion() throws Failure {
    if (arguments.has(ExecOptions.QUIET)) {
      conclusion.hideNotes();
    }
    String report = arguments.value(ExecOptions.REPORT);
    if (report != null) {
      conclusion.reportTo(Report.to(report));
    }
  }

  private static byte[] encode(Request.Run run) throws Failure {
    try {
      return RequestEncoder.encode(RunFollower.ID, run);
    } catch (IllegalArgumentException e) {
      throw Failure.usage(String.valueOf(e.getMessage()));
    }
  }

  private Connection connect(Target target) throws Failure {
    if (target.host() != null) {
      return Connector.connect(target.host(), target.connectTimeout(), target.patience());
    }
    Connection there = DefaultServer.tryConnect(surroundings.env(), target.connectTimeout());
    if (there != null) {
      return there;
    }
    EmbeddedServer server = EmbeddedServer.start();
    leaving.server(server);
    return Connector.connect(server.awaitListening(), target.connectTimeout(), null);
  }

  private Verdict follow(Connection connection, Target target, Request.Run run, byte[] frame)
      throws Failure {
    JobControl job = new JobControl(connection);
    leaving.job(job);
    send(connection, target, frame);
    RunFollower follower = new RunFollower(surroundings, connection, job, run);
    try {
      Event.Ended ended = follower.follow();
      String command = run.spec().command().argv().getFirst().toString();
      return Verdict.of(ended, follower.loss(), job, command);
    } catch (Failure e) {
      // Closing the connection would do; but a job whose name we know is told first.
      job.cancel();
      throw e;
    }
  }

  private static void send(Connection connection, Target target, byte[] frame) {
    try {
      if (target.token() == null) {
        connection.send(frame);
      } else {
        byte[] hello = RequestEncoder.encode("hello", new Request.Hello(1, target.token()));
        connection.send(ByteBuffer.wrap(hello), ByteBuffer.wrap(frame));
      }
    } catch (IOException _) {
      // A server that closes says why before it does: whoever reads the connection tells.
    }
  }

  private void watchSignals() {
    surroundings.signals().on("INT", leaving::interrupt);
    surroundings.signals().on("TERM", () -> leaving.leave(Signal.TERM));
    surroundings.signals().on("HUP", () -> leaving.leave(Signal.HUP));
  }
}
