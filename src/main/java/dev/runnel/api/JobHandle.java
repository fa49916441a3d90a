package dev.runnel.api;

import dev.runnel.model.End;
import dev.runnel.model.Event;
import dev.runnel.model.JobId;
import dev.runnel.model.JobState;
import dev.runnel.model.JobStatus;
import dev.runnel.model.Request;
import dev.runnel.model.Signal;
import dev.runnel.model.Stream;
import dev.runnel.model.TerminalSize;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.parsetools.RecordParser;
import io.vertx.core.streams.ReadStream;
import io.vertx.core.streams.WriteStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/**
 * A job that somebody runs or follows. Everything is called, and calls back, on the context that
 * asked for it.
 *
 * <p>Output that is not read holds the command back, and no other; of a job that is only watched it
 * holds back nobody. Whoever asks for one stream and never for the other is not held back by that:
 * of it as much is kept as a window holds, and after more than that whoever still asks for it is
 * told by its exception handler. Whoever wants no output at all says so: {@link #discardOutput}.
 */
public final class JobHandle {
  private static final int MAX_LINE_BYTES = 1 << 20;

  private final JobSession follower;
  private final Event.Started begun;

  JobHandle(JobSession follower, Event.Started begun) {
    this.follower = follower;
    this.begun = begun;
  }

  /** The job's id. */
  public JobId id() {
    return begun.job();
  }

  /** The life of the node that has it; an attach that carries it finds this very job or none. */
  public String boot() {
    return begun.boot();
  }

  /** Where all of it is called from, and calls back. */
  public Context context() {
    return follower.context();
  }

  /** The process's id, on its node. */
  public int pid() {
    return begun.pid();
  }

  /**
   * What it writes to stdout. Ends after the last byte, and only if all of it is what the node
   * counted. {@code pipeTo} cancels the job if its sink fails; if the output fails, the sink is
   * left to be closed or reset, because an end would look like that of whole output.
   */
  public ReadStream<Buffer> stdout() {
    return follower.output().one(Stream.STDOUT);
  }

  /** What it writes to stderr; empty if that is merged into stdout. */
  public ReadStream<Buffer> stderr() {
    return follower.output().one(Stream.STDERR);
  }

  /** Both streams in order of arrival, instead of one by one. */
  public ReadStream<JobOutput> output() {
    return follower.output().both();
  }

  /**
   * Writes stdout to one sink and stderr to another, at the pace of the slower. Done with the end
   * when both were ended after all of it. If one of them fails, the job is canceled.
   */
  public Future<End> pipeTo(WriteStream<Buffer> out, WriteStream<Buffer> err) {
    return Future.all(stdout().pipeTo(out), stderr().pipeTo(err)).compose(_ -> end());
  }

  /** The same for both streams into one sink, in order of arrival. */
  public Future<End> pipeTo(WriteStream<Buffer> sink) {
    return follower.output().merged().pipeTo(sink).compose(_ -> end());
  }

  /**
   * Hands on stdout line by line, as UTF-8 and without line feeds; done with the end after the last
   * one. A line of more than a MiB fails it, and cancels the job.
   */
  public Future<End> lines(Handler<String> handler) {
    Promise<Void> all = Promise.promise();
    RecordParser.newDelimited("\n", stdout())
        .maxRecordSize(MAX_LINE_BYTES)
        .exceptionHandler(
            e -> {
              follower.stop("a line could not be taken: " + e.getMessage(), e);
              all.tryFail(e);
            })
        .endHandler(_ -> all.tryComplete())
        .handler(line -> handler.handle(line.toString(StandardCharsets.UTF_8)));
    return all.future().compose(_ -> end());
  }

  /** The same as {@link Commands#collect(JobSpec)}. */
  public Future<CommandResult> collect() {
    return collect(Commands.MAX_COLLECTED_BYTES);
  }

  /** All that it writes, and its end. More than that many bytes fail it, and cancel the job. */
  public Future<CommandResult> collect(long maxBytes) {
    Buffer out = Buffer.buffer();
    Buffer err = Buffer.buffer();
    output()
        .handler(
            piece -> {
              if (out.length() + err.length() + (long) piece.bytes().length() > maxBytes) {
                follower.stop("it wrote more than " + maxBytes + " bytes", null);
              } else {
                (piece.stream() == Stream.STDOUT ? out : err).appendBuffer(piece.bytes());
              }
            });
    return end().map(how -> new CommandResult(how, out, err));
  }

  /**
   * Nobody wants the output that was not asked for by now: it is dropped as it comes, and holds the
   * command back no more.
   */
  public void discardOutput() {
    follower.output().discard();
  }

  /**
   * Takes what is said of output that will not come, possibly before all that was written ahead of
   * it was handed on. Without such a handler a gap fails the end, and all streams.
   */
  public JobHandle gapHandler(Handler<Event.Gap> handler) {
    follower.onGap(handler);
    return this;
  }

  /**
   * What it reads. A write is done when the process's pipe has taken it, {@code end} when the pipe
   * is closed behind it. Beware: {@code source.pipeTo(stdin())} ends it even if the source fails,
   * as if that had been all; {@code source.pipe().endOnFailure(false).to(stdin())} does not.
   *
   * @throws IllegalStateException if the command has no stdin, or it is not ours
   */
  public WriteStream<Buffer> stdin() {
    return follower.stdin();
  }

  /** Writes that to its stdin, and ends it; done when the process has taken all of it. */
  public Future<Void> input(Buffer bytes) {
    return stdin().end(bytes);
  }

  /** The same with all that comes of a source. If the source fails, the job is canceled. */
  public Future<Void> input(ReadStream<Buffer> source) {
    return source
        .pipe()
        .endOnFailure(false)
        .to(stdin())
        .onFailure(
            e -> {
              if (!follower.takesNoInput()) {
                follower.stop("its input failed: " + e.getMessage(), e);
              }
            });
  }

  /** The job at this moment. */
  public Future<JobStatus> status() {
    return follower.status(id());
  }

  /** Signals the job's process group. */
  public Future<JobState> signal(Signal signal) {
    return follower.ask(new Request.SendSignal(id(), signal));
  }

  /**
   * Ends it, with its whole tree: TERM, and KILL after its grace, or at once when it is asked for
   * the second time; done when that has begun.
   */
  public Future<JobState> cancel() {
    return follower.ask(new Request.Cancel(id()));
  }

  /**
   * The same with a grace of that length at most; with zero it is killed at once.
   *
   * @throws IllegalArgumentException if it is negative
   */
  public Future<JobState> cancelWithin(Duration grace) {
    return follower.ask(new Request.Cancel(id(), grace));
  }

  /** Its terminal has another size now. */
  public Future<JobState> resize(TerminalSize size) {
    return follower.ask(new Request.Resize(id(), size));
  }

  /**
   * Follows it no longer: the job goes on, a runner's until somebody takes the seat again, and
   * {@link #end} fails.
   */
  public Future<JobState> detach() {
    return follower.detach();
  }

  /**
   * How it ended. A nonzero exit is an end like any other. Failed with a {@link CommandException}
   * for anything that is no true end: the node is gone, or the output is not what the node counted.
   */
  public Future<End> end() {
    return follower.end();
  }

  /** The same, failed with {@link CommandException.Unsuccessful} for anything but exit code 0. */
  public Future<End> checked() {
    return end()
        .map(
            how -> {
              if (!how.isSuccess()) {
                throw new CommandException.Unsuccessful(how, "");
              }
              return how;
            });
  }
}
