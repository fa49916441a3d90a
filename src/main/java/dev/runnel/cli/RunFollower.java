package dev.runnel.cli;

import dev.runnel.model.End;
import dev.runnel.model.ErrorCode;
import dev.runnel.model.Event;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.JobId;
import dev.runnel.model.Outcome;
import dev.runnel.model.Request;
import dev.runnel.wire.EventDecoder;
import dev.runnel.wire.Header;
import dev.runnel.wire.Limits;
import dev.runnel.wire.ProtocolException;
import dev.runnel.wire.RequestEncoder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Objects;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * Reads what comes of a job until its end, on the main thread, and has its output passed on; over
 * as many connections as it takes, if it may be resumed.
 */
final class RunFollower {
  /** The id of the run or attach on its connection. */
  static final String ID = "run";

  /** A server that never said a word is likely to be none of ours. */
  private static final int MAX_WORDLESS = 3;

  private static final byte[] PONG = RequestEncoder.encode(null, new Request.Pong());

  private final CliContext surroundings;
  private final CurrentConnection link;
  private final JobControl control;
  private final FirstRequests opening;
  private final @Nullable Reconnector resumption;
  private final Printer printer;

  private @Nullable Suspension pause;
  private @Nullable StdinSender stdin;
  private @Nullable String boot;
  private @Nullable JobId job;
  private @Nullable ExitStatus exited;
  private ConnectionErrors.Heard heard = ConnectionErrors.Heard.NOTHING;

  /** Whether this connection is another than the first, and has not brought us back to the job. */
  private boolean again;

  /** Whether this connection's server was asked for the job, and whether any was. */
  private boolean asked = true;

  private boolean everAsked = true;

  /** Whether the server is a node of a cluster, and jobs may be on others. */
  private boolean clustered;

  private int wordless;
  private int stdinWindow;
  private long first;
  private long next;
  private long received;
  private @Nullable String loss;

  /**
   * @param opening what was sent over the link's connection
   * @param resumption null: the first connection's loss is the end
   */
  RunFollower(
      CliContext surroundings,
      CurrentConnection link,
      JobControl control,
      FirstRequests opening,
      @Nullable Reconnector resumption) {
    this.surroundings = surroundings;
    this.link = link;
    this.control = control;
    this.opening = opening;
    this.resumption = resumption;
    this.printer = new Printer(surroundings, opening.window(), this::acknowledge, this::leave);
  }

  /** From now on the job may be left for a while. */
  void mayPause(Suspension other) {
    pause = other;
  }

  /** Only {@code hello} was sent: the job is asked for when the server has said who it is. */
  void askWhenGreeted() {
    asked = false;
    everAsked = false;
    control.hold();
  }

  /** Blocks until the end, and until all output is written. */
  Event.Ended follow() throws Failure {
    return Objects.requireNonNull(followUntil(Long.MAX_VALUE));
  }

  /**
   * Blocks until the job runs and there is nothing to come below that offset, or until the end;
   * then until all output is written.
   *
   * @return null: the end did not come
   */
  Event.@Nullable Ended followUntil(long offset) throws Failure {
    try {
      Event.Ended ended = end(offset);
      printer.finish();
      if (ended != null) {
        check(ended);
      }
      return ended;
    } catch (Failure e) {
      // What came is written before anything is said of what did not.
      printer.finish();
      throw e;
    }
  }

  /** What of the output or of stdin was lost, or null: nothing. */
  @Nullable String loss() {
    String fault = stdin == null ? null : stdin.fault();
    return fault == null ? loss : fault;
  }

  /** The command, as far as we know it. */
  String command() {
    return opening.command();
  }

  /** Whether there is a process, or was. */
  boolean hasStarted() {
    return job != null;
  }

  private Event.@Nullable Ended end(long until) throws Failure {
    while (true) {
      try {
        return answer(until);
      } catch (ConnectionLost cut) {
        resume(cut);
      }
    }
  }

  private Event.@Nullable Ended answer(long until) throws ConnectionLost, Failure {
    BlockingConnection connection = link.current();
    if (connection == null) {
      throw new ConnectionLost(null);
    }
    while (job == null || next < until) {
      Header header = next(connection);
      Event event = decode(header);
      checkJob(event);
      if (event instanceof Event.Failed failed && isOurs(header, failed)) {
        throw refused(failed);
      }
      if (event instanceof Event.Hello hello) {
        greet(connection, hello);
      } else if (event instanceof Event.Ping) {
        connection.trySend(PONG);
      } else if (event != null && !ID.equals(header.id())) {
        control.answered(header.id());
      } else if (event instanceof Event.Ended ended) {
        checkEnd(ended.end());
        succeed();
        return ended;
      } else if (event != null) {
        take(connection, event);
      }
    }
    return null;
  }

  // Another job's output is not ours, and its end tells nothing of ours.
  private void checkJob(@Nullable Event event) throws Failure {
    JobId expected = job == null ? opening.job() : job;
    JobId named =
        event instanceof Event.Started begun
            ? begun.job()
            : event instanceof Event.Output output
                ? output.job()
                : event instanceof Event.Gap gap
                    ? gap.job()
                    : event instanceof Event.StdinAck ack
                        ? ack.job()
                        : event instanceof Event.StdinClosed closed
                            ? closed.job()
                            : event instanceof Event.Exited status
                                ? status.job()
                                : event instanceof Event.Ended ended ? ended.end().job() : null;
    if (named != null && expected != null && !named.equals(expected)) {
      throw contradiction("told of job " + named + " instead of " + expected);
    }
  }

  private void checkEnd(End end) throws Failure {
    boolean ran = end.outcome() == Outcome.EXITED || end.outcome() == Outcome.SIGNALED;
    boolean known = job != null || (opening.request() instanceof Request.Attach && !ran(end));
    if (ran && !known) {
      throw contradiction("told of an end and of no start");
    }
    if (end.outcome() == Outcome.START_FAILED && job != null) {
      throw contradiction("told of a start, and then that it failed");
    }
    if (exited != null && !exited.equals(end.status())) {
      throw contradiction("told of two ways in which the command ended");
    }
  }

  // One that an earlier life of the server left may have no record of its start.
  private static boolean ran(End end) {
    return end.startedAt() != null;
  }

  private Failure contradiction(String what) {
    return Failure.of(link.host().name() + " contradicted itself: it " + what);
  }

  // The answers to our signals are of no interest: the job's end tells what became of them.
  private static boolean isOurs(Header header, Event.Failed failed) {
    return failed.closes()
        || ID.equals(header.id())
        || header.id() == null
        || "hello".equals(header.id());
  }

  private void greet(BlockingConnection connection, Event.Hello hello) throws Failure {
    clustered = hello.features().contains("nodes");
    if (boot == null || !everAsked) {
      boot = hello.boot();
    } else if (!boot.equals(hello.boot()) && !clustered) {
      throw restarted();
    }
    if (!asked) {
      // Any node of a cluster finds that life of the job's node, or says that it is gone.
      ask(connection, clustered ? boot : hello.boot());
    }
  }

  private void ask(BlockingConnection connection, String life) {
    ByteBuffer request =
        !everAsked
            ? opening.frame()
            : job == null ? opening.frameAgain(life) : opening.frameFrom(job, life, next);
    boolean first = !everAsked;
    asked = true;
    everAsked = true;
    try {
      connection.send(request);
    } catch (IOException _) {
      // A server that closes says why before it does: whoever reads the connection tells.
    }
    if (first) {
      control.begin();
    }
  }

  private void take(BlockingConnection connection, Event event) throws ConnectionLost, Failure {
    if (event instanceof Event.Output output) {
      if (job == null && opening.request() instanceof Request.Run) {
        throw contradiction("sent output of a command that it had not started");
      }
      output(output, connection.body());
    } else if (event instanceof Event.Started begun) {
      start(connection, begun);
    } else if (event instanceof Event.Gap(_, long from, long to)) {
      lose(to - from + " bytes of output were not sent: the server no longer had them");
      next = Math.max(next, to);
    } else if (event instanceof Event.StdinAck ack && stdin != null) {
      stdin.acknowledge(ack.offset());
    } else if (event instanceof Event.StdinAck ack && opening.sendsStdin() && !ack.eof()) {
      startStdin(connection, ack.offset());
    } else if (event instanceof Event.StdinClosed && stdin != null) {
      stdin.close();
    } else if (event instanceof Event.Exited status) {
      if (exited != null && !exited.equals(status.status())) {
        throw contradiction("told of two ways in which the command ended");
      }
      exited = status.status();
    } else if (event instanceof Event.Detached(Event.Detached.Reason reason)) {
      leave(reason);
    } else if (event instanceof Event.Final other) {
      throw Failure.of(link.host().name() + " answered the run with " + other);
    }
  }

  private void leave(Event.Detached.Reason reason) throws ConnectionLost, Failure {
    if (reason == Event.Detached.Reason.ASKED && pause != null && pause.await()) {
      throw new ConnectionLost("we were stopped");
    }
    control.release();
    throw Failure.of(
        reason == Event.Detached.Reason.ASKED
            ? "the job was left, and goes on"
            : "another client took the job over, and it goes on there");
  }

  private void start(BlockingConnection connection, Event.Started begun) throws Failure {
    if (job != null && !again) {
      throw contradiction("started the command twice");
    }
    boolean placed = clustered && job == null;
    if (boot != null && !boot.equals(begun.boot()) && !placed) {
      throw restarted();
    }
    checkPlace(begun.next());
    stdinWindow = begun.stdinWindow() == null ? Limits.STDIN_WINDOW_BYTES : begun.stdinWindow();
    if (job == null) {
      boot = begun.boot();
      job = begun.job();
      heard = ConnectionErrors.Heard.JOB;
      first = begun.next();
      next = begun.next();
      if (begun.stdinWindow() == null) {
        control.keepKeys();
      }
      control.started(job);
      // Of a job that was there already, the server says how far its stdin is.
      if (opening.sendsStdin() && opening.request() instanceof Request.Run) {
        startStdin(connection, 0);
      }
    } else if (again && stdin != null) {
      stdin.resume(connection, stdinWindow);
    }
    succeed();
  }

  // Only of all output can the checksums be held against the end's.
  private void checkPlace(long begins) {
    OptionalLong asked =
        job != null
            ? OptionalLong.of(next)
            : opening.request() instanceof Request.Attach attach
                ? attach.from()
                : OptionalLong.of(0);
    if (asked.isPresent() && begins != asked.getAsLong()) {
      lose("output began at offset " + begins + " instead of " + asked.getAsLong());
    }
  }

  // Whatever a server asks for: what we did not offer stays with us.
  private void startStdin(BlockingConnection connection, long offset) {
    StdinSender sender =
        new StdinSender(surroundings.in(), control, Objects.requireNonNull(job), stdinWindow);
    sender.start(connection, offset);
    stdin = sender;
  }

  private void succeed() {
    if (resumption != null && again) {
      again = false;
      resumption.succeeded();
      control.resumed();
    }
  }

  private void output(Event.Output output, ByteBuffer bytes) throws Failure {
    if (output.offset() != next) {
      lose("output jumped from offset " + next + " to " + output.offset());
    }
    next = output.offset() + bytes.remaining();
    received += bytes.remaining();
    printer.print(output.stream(), output.offset(), bytes);
  }

  /** On the printer's thread. */
  private void acknowledge(long offset) {
    link.send(RequestEncoder.encode(null, new Request.Ack(ID, offset)));
  }

  /** On the printer's thread: nobody takes our output. */
  private void leave() {
    control.part();
    link.endSending();
  }

  private void resume(ConnectionLost cut) throws Failure {
    printer.check();
    if (resumption == null || link.isClosed() || isWordless(cut)) {
      throw ConnectionErrors.lost(link.host(), heard(), received, cut);
    }
    link.replace(null);
    control.cut();
    if (pause != null) {
      pause.forget();
    }
    next = printer.drop(next);
    BlockingConnection connection =
        resumption.connect(cut, next + (stdin == null ? 0 : stdin.taken()), heard());
    again = everAsked;
    asked = false;
    try {
      connection.send(opening.greeting());
    } catch (IOException _) {
      // A server that closes says why before it does: whoever reads the connection tells.
    }
    link.replace(connection);
  }

  private ConnectionErrors.Heard heard() {
    return everAsked ? heard : ConnectionErrors.Heard.BEFORE_THE_REQUEST;
  }

  private boolean isWordless(ConnectionLost cut) {
    return heard == ConnectionErrors.Heard.NOTHING
        && cut.isTheServers()
        && ++wordless == MAX_WORDLESS;
  }

  private void check(Event.Ended ended) {
    if (ended.gapBytes() > 0) {
      lose(ended.gapBytes() + " bytes of output were not sent to us");
    }
    if (first == 0) {
      lose(printer.stdout().difference(ended.end().stdout()));
      lose(printer.stderr().difference(ended.end().stderr()));
    }
    if (ended.end().outcome() != Outcome.LOST && next != ended.end().outputBytes()) {
      lose("output ended at offset " + next + " of " + ended.end().outputBytes());
    }
    lose(doubt(ended.end()));
  }

  /** What in its counts contradicts itself, or null: nothing. */
  static @Nullable String doubt(End end) {
    long both = end.stdout().bytes() + end.stderr().bytes();
    return end.outcome() == Outcome.LOST || both == end.outputBytes()
        ? null
        : "output_bytes: " + end.outputBytes() + " (both streams together: " + both + ")";
  }

  private void lose(@Nullable String what) {
    if (loss == null) {
      loss = what;
    }
  }

  private Header next(BlockingConnection connection) throws ConnectionLost, Failure {
    try {
      Header header = connection.next();
      if (header == null) {
        throw new ConnectionLost(connection.closeReason());
      }
      return header;
    } catch (IOException e) {
      String reason = connection.closeReason();
      throw new ConnectionLost(reason == null ? e.getMessage() : reason);
    } catch (ProtocolException e) {
      throw garbled(e);
    }
  }

  private @Nullable Event decode(Header header) throws Failure {
    try {
      Event event = EventDecoder.decode(header);
      heard = heard == ConnectionErrors.Heard.NOTHING ? ConnectionErrors.Heard.SOMETHING : heard;
      return event;
    } catch (ProtocolException e) {
      throw garbled(e);
    }
  }

  private Failure garbled(ProtocolException e) {
    return ConnectionErrors.garbled(link.host(), heard, received, e);
  }

  private Failure refused(Event.Failed failed) throws ConnectionLost {
    ErrorCode code = failed.code();
    if (resumption != null && (code == ErrorCode.TOO_SLOW || (again && isPassing(code)))) {
      throw new ConnectionLost(code.wireName() + ": " + failed.message());
    }
    if (again && code == ErrorCode.STALE) {
      return restarted();
    }
    if (again && code == ErrorCode.UNKNOWN_JOB) {
      control.release();
      return ConnectionErrors.forgotten(link.host(), heard);
    }
    return ErrorAnswer.of(link.host(), failed);
  }

  private static boolean isPassing(ErrorCode code) {
    return code == ErrorCode.BUSY || code == ErrorCode.UNAVAILABLE || code.isTurnedAway();
  }

  private Failure restarted() {
    control.release();
    return ConnectionErrors.restarted(link.host());
  }
}
