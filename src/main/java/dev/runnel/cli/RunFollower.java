package dev.runnel.cli;

import dev.runnel.model.CommandSpec;
import dev.runnel.model.Event;
import dev.runnel.model.Request;
import dev.runnel.model.Stream;
import dev.runnel.wire.EventDecoder;
import dev.runnel.wire.Header;
import dev.runnel.wire.Limits;
import dev.runnel.wire.ProtocolException;
import dev.runnel.wire.RequestEncoder;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** Reads the answer to a run until its end, on the main thread, and passes its output on. */
final class RunFollower {
  /** The id of the run on its connection. */
  static final String ID = "run";

  /** However large the window: on a server short of memory a log may hold no more than 64 KiB. */
  private static final long MAX_UNACKED_BYTES = 32 * 1024;

  private final Surroundings surroundings;
  private final Connection connection;
  private final JobControl control;
  private final CommandSpec.Stdin input;
  private final long ackEvery;
  private final Tally stdout = new Tally("stdout");
  private final Tally stderr = new Tally("stderr");

  private @Nullable StdinSender stdin;
  private boolean answered;
  private boolean started;
  private long next;
  private long acked;
  private long received;
  private @Nullable String loss;

  RunFollower(
      Surroundings surroundings, Connection connection, JobControl control, Request.Run run) {
    this.surroundings = surroundings;
    this.connection = connection;
    this.control = control;
    this.input = run.spec().command().stdin();
    long window = run.spec().window().orElse(0);
    this.ackEvery = Math.min(window / 2, MAX_UNACKED_BYTES);
  }

  /** Blocks until the end. */
  Event.Ended follow() throws Failure {
    while (true) {
      Header header = next();
      Event event = decode(header);
      if (event instanceof Event.Failed failed && isOurs(header, failed)) {
        throw Refusal.of(connection.host(), failed);
      }
      if (event == null || !ID.equals(header.id())) {
        continue;
      }
      if (event instanceof Event.Ended ended) {
        check(ended);
        return ended;
      }
      take(event);
    }
  }

  /** What of the output or of stdin was lost, or null: nothing. */
  @Nullable String loss() {
    String fault = stdin == null ? null : stdin.fault();
    return fault == null ? loss : fault;
  }

  // The answers to our signals are of no interest: the job's end tells what became of them.
  private static boolean isOurs(Header header, Event.Failed failed) {
    return failed.closes()
        || ID.equals(header.id())
        || header.id() == null
        || "hello".equals(header.id());
  }

  private void take(Event event) throws Failure {
    if (event instanceof Event.Output output) {
      output(output, connection.body());
    } else if (event instanceof Event.Started begun) {
      start(begun);
    } else if (event instanceof Event.Gap(_, long from, long to)) {
      lose(to - from + " bytes of output were not sent: the server no longer had them");
      next = Math.max(next, to);
    } else if (event instanceof Event.StdinAck ack && stdin != null) {
      stdin.acknowledge(ack.offset());
    } else if (event instanceof Event.StdinClosed && stdin != null) {
      stdin.close();
    } else if (event instanceof Event.Final other) {
      throw Failure.of(connection.host().name() + " answered the run with " + other);
    }
  }

  private void start(Event.Started begun) {
    if (started) {
      return;
    }
    started = true;
    next = begun.next();
    acked = begun.next();
    control.started(begun.job());
    // Whatever a server asks for: what we did not offer stays with us.
    if (input == CommandSpec.Stdin.PIPE) {
      int window = begun.stdinWindow() == null ? Limits.STDIN_WINDOW_BYTES : begun.stdinWindow();
      stdin = new StdinSender(surroundings.in(), connection, control, begun.job(), window);
      stdin.start();
    }
  }

  private void output(Event.Output output, ByteBuffer bytes) throws Failure {
    if (output.offset() != next) {
      lose("output jumped from offset " + next + " to " + output.offset());
    }
    next = output.offset() + bytes.remaining();
    received += bytes.remaining();
    boolean isStdout = output.stream() == Stream.STDOUT;
    (isStdout ? stdout : stderr).add(bytes);
    (isStdout ? surroundings.out() : surroundings.err()).write(bytes);
    acknowledge();
  }

  private void acknowledge() throws Failure {
    if (ackEvery == 0 || next - acked < ackEvery) {
      return;
    }
    acked = next;
    try {
      connection.send(RequestEncoder.encode(null, new Request.Ack(ID, next)));
    } catch (IOException e) {
      throw lost(e.getMessage());
    }
  }

  private void check(Event.Ended ended) {
    if (ended.gapBytes() > 0) {
      lose(ended.gapBytes() + " bytes of output were not sent to us");
    }
    lose(stdout.difference(ended.end().stdout()));
    lose(stderr.difference(ended.end().stderr()));
  }

  private void lose(@Nullable String what) {
    if (loss == null) {
      loss = what;
    }
  }

  private Header next() throws Failure {
    try {
      Header header = connection.next();
      if (header == null) {
        throw lost(null);
      }
      return header;
    } catch (IOException e) {
      throw lost(e.getMessage());
    } catch (ProtocolException e) {
      throw garbled(e);
    }
  }

  private @Nullable Event decode(Header header) throws Failure {
    try {
      Event event = EventDecoder.decode(header);
      answered = true;
      return event;
    } catch (ProtocolException e) {
      throw garbled(e);
    }
  }

  private Failure garbled(ProtocolException e) {
    String host = connection.host().name();
    return Failure.of(
        answered
            ? host
                + " sent a broken frame after "
                + received
                + " bytes of output: "
                + e.getMessage()
            : host + " does not speak Runnel's protocol: " + e.getMessage());
  }

  private Failure lost(@Nullable String reason) {
    String because = reason == null ? "" : " (" + reason + ")";
    if (started) {
      return Failure.of(
          "connection to "
              + connection.host().name()
              + " lost after "
              + received
              + " bytes of output; the command's end is not known"
              + because);
    }
    return Failure.of(
        connection.host().name()
            + " closed the connection without an answer; whether the command ran is not known"
            + because);
  }
}
