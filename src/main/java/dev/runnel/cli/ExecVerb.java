package dev.runnel.cli;

import dev.runnel.model.Event;
import dev.runnel.model.Request;
import dev.runnel.wire.RequestEncoder;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** {@code runnel exec}: runs a command over there as if it ran here. */
final class ExecVerb {
  private static final int HUP = 1;
  private static final int TERM = 15;

  private final Surroundings surroundings;
  private final Arguments arguments;
  private final Conclusion conclusion;

  private volatile @Nullable JobControl control;

  ExecVerb(Surroundings surroundings, CommandLine line) {
    this.surroundings = surroundings;
    this.arguments = new Arguments(ExecOptions.TABLE, line);
    this.conclusion = new Conclusion(surroundings, arguments);
  }

  int run() throws Failure {
    try {
      arguments.read();
      if (arguments.has(ConnectionOptions.HELP)) {
        surroundings.out().print(Help.exec());
        return 0;
      }
      return conclusion.tell(exec());
    } catch (Failure e) {
      return conclusion.tell(Verdict.of(e));
    }
  }

  private Verdict exec() throws Failure {
    Target target = ConnectionOptions.target(arguments, surroundings);
    Request.Run run = ExecOptions.run(arguments, surroundings);
    byte[] frame = encode(run);
    watchSignals();
    try (Connection connection = connect(target)) {
      return follow(connection, target, run, frame);
    }
  }

  private static byte[] encode(Request.Run run) throws Failure {
    try {
      return RequestEncoder.encode(RunFollower.ID, run);
    } catch (IllegalArgumentException e) {
      throw Failure.usage(String.valueOf(e.getMessage()));
    }
  }

  private static Connection connect(Target target) throws Failure {
    if (target.host() == null) {
      throw Failure.of("no host");
    }
    return Connector.connect(target.host(), target.connectTimeout(), target.patience());
  }

  private Verdict follow(Connection connection, Target target, Request.Run run, byte[] frame)
      throws Failure {
    JobControl job = new JobControl(connection);
    control = job;
    send(connection, target, frame);
    RunFollower follower = new RunFollower(surroundings, connection, job, run);
    try {
      Event.Ended ended = follower.follow();
      String command = run.spec().command().argv().getFirst().toString();
      return Verdict.of(ended, follower.loss(), job, command);
    } catch (Failure e) {
      // Closing would do; but a job that has a name is told first.
      job.cancel();
      throw e;
    }
  }

  private static void send(Connection connection, Target target, byte[] frame) throws Failure {
    try {
      if (target.token() == null) {
        connection.send(frame);
      } else {
        byte[] hello = RequestEncoder.encode("hello", new Request.Hello(1, target.token()));
        connection.send(ByteBuffer.wrap(hello), ByteBuffer.wrap(frame));
      }
    } catch (IOException e) {
      throw Failure.of("connection to " + connection.host().name() + " lost: " + e.getMessage());
    }
  }

  private void watchSignals() {
    surroundings.signals().on("INT", this::interrupt);
    surroundings.signals().on("TERM", () -> leave(Verdict.ofSignal(TERM, "TERM")));
    surroundings.signals().on("HUP", () -> leave(Verdict.ofSignal(HUP, "HUP")));
  }

  // The first goes to the command, the second cancels the job; a third waits for nothing any more,
  // and without a job there is nothing to wait for.
  private void interrupt() {
    JobControl job = control;
    if (job == null) {
      leave(Verdict.ofSignal(2, "INT"));
    } else if (job.interrupt() > (job.hasJob() ? 2 : 1)) {
      leave(Verdict.ofSignal(2, "INT"));
    }
  }

  private void leave(Verdict verdict) {
    JobControl job = control;
    if (job != null) {
      job.cancel();
    }
    surroundings.halt().accept(conclusion.tell(verdict));
  }
}
