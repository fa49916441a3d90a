package dev.runnel.model;

import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** What a server tells. PROTOCOL.md, "Answers". */
public sealed interface Event {

  /** Whether it is the last frame of an answer. */
  boolean isFinal();

  /** Something that more frames of the same answer follow. */
  sealed interface Interim extends Event {
    @Override
    default boolean isFinal() {
      return false;
    }
  }

  /** The last of an answer. */
  sealed interface Final extends Event {
    @Override
    default boolean isFinal() {
      return true;
    }
  }

  record Hello(
      int version,
      String software,
      String node,
      String boot,
      int maxHeader,
      int maxBody,
      int maxRequests,
      int maxConnectionJobs,
      List<String> features)
      implements Final {}

  /**
   * The process runs.
   *
   * @param stdinWindow null: the command has no stdin
   * @param existing whether the job was there before it was asked for
   * @param next log offset of this follower's next byte
   * @param retainBytes how much its log holds, which no window may exceed; null: the server did not
   *     say
   * @param terminalSize null: it has no terminal, or the server did not say
   * @param trace what it is a part of; null: of nothing that the server knows
   */
  record Started(
      JobId job,
      String node,
      String boot,
      int pid,
      JobState state,
      @Nullable Integer stdinWindow,
      boolean existing,
      long next,
      @Nullable Long retainBytes,
      @Nullable TerminalSize terminalSize,
      @Nullable TraceContext trace)
      implements Interim {}

  /** The body is the bytes; they stand at {@code offset} in the job's log. */
  record Output(JobId job, Stream stream, long offset) implements Interim {}

  /** Output from {@code from} up to {@code to} that this follower will not get. */
  record Gap(JobId job, long from, long to) implements Interim {}

  /**
   * How far stdin got.
   *
   * @param offset bytes given to the pipe
   * @param eof whether the pipe is closed
   */
  record StdinAck(JobId job, long offset, boolean eof) implements Interim {}

  record StdinClosed(JobId job) implements Interim {}

  /** The process ended; its output did not yet. */
  record Exited(JobId job, ExitStatus status) implements Interim {}

  /** The job's terminal has another size; told to watchers. */
  record Resized(JobId job, TerminalSize size) implements Interim {}

  /**
   * The job ended.
   *
   * @param gapBytes what this follower was not sent
   */
  record Ended(End end, long gapBytes) implements Final {}

  /** The request follows the job no longer; the job goes on. */
  record Detached(Reason reason) implements Final {
    /** Why it does not. */
    public enum Reason {
      /** The client asked for it. */
      ASKED,
      /** Another took the seat. */
      REPLACED;

      private final String wireName = name().toLowerCase(Locale.ROOT);

      public String wireName() {
        return wireName;
      }
    }
  }

  record Ok(JobState state) implements Final {}

  /** Is anybody there? It belongs to no request, and is answered by a {@code pong}. */
  record Ping() implements Interim {}

  record Pong() implements Final {}

  record Status(JobStatus status) implements Final {}

  /** A part of the list, which stands in the body as a JSON array of statuses. */
  record JobsPart(Watched watched) implements Interim {
    /** A piece of a list that nobody watches. */
    public JobsPart() {
      this(Watched.NOTHING);
    }

    /**
     * What a piece says beside its body, to who watches.
     *
     * @param gone names of jobs that fit no longer, or are not known any more
     * @param reset whether all that was told before is void
     * @param listed whether all jobs that there are were told
     */
    public record Watched(List<JobId> gone, boolean reset, boolean listed) {
      public static final Watched NOTHING = new Watched(List.of(), false, false);
    }
  }

  /**
   * The last part of the list.
   *
   * @param missing nodes of the cluster that did not answer, and whose jobs are not in it
   */
  record JobsEnd(List<String> missing) implements Final {
    /** Of a list that is whole. */
    public JobsEnd() {
      this(List.of());
    }
  }

  /** A part of the nodes, which stand in the body as a JSON array. */
  record NodesPart() implements Interim {}

  /** The last part of them. */
  record NodesEnd() implements Final {}

  /**
   * The request failed.
   *
   * @param message what, the actual value and the limit
   * @param job null: it is about none
   */
  record Failed(
      ErrorCode code, String message, @Nullable JobId job, @Nullable Long retryAfterMillis)
      implements Final {
    /** One that says nothing of another try. */
    public Failed(ErrorCode code, String message, @Nullable JobId job) {
      this(code, message, job, null);
    }

    public Failed {
      message = SystemText.shown(message);
    }

    public boolean closes() {
      return code.scope() == ErrorCode.Scope.CONNECTION;
    }
  }
}
