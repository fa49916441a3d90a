package dev.runnel.model;

import org.jspecify.annotations.Nullable;

/** What a client asks. PROTOCOL.md, "Requests". */
public sealed interface Request {

  /** Two requests are notices: they carry no id and get no answer. */
  sealed interface Notice extends Request {}

  record Hello(int version, @Nullable String token) implements Request {
    /** Without the token, which is nobody's to print. */
    @Override
    public String toString() {
      return "Hello[version=" + version + "]";
    }
  }

  /**
   * A command to run.
   *
   * @param job null: the server makes one
   * @param boot the life of the server it is meant for; null: any
   */
  record Run(@Nullable JobId job, @Nullable String boot, JobSpec spec) implements Request {}

  /**
   * Bytes for a command's stdin.
   *
   * @param bytes owned by the receiver
   */
  @SuppressWarnings("ArrayRecordComponent") // Moved, never compared.
  record Stdin(JobId job, long offset, byte[] bytes, boolean eof) implements Notice {}

  /**
   * Output was consumed.
   *
   * @param follow the id of the run it is about; null: the one without an id
   */
  record Ack(@Nullable String follow, long offset) implements Notice {}

  record SendSignal(JobId job, Signal signal) implements Request {}

  record Cancel(JobId job) implements Request {}

  record Status(JobId job) implements Request {}

  /**
   * A list of jobs.
   *
   * @param prefix of the job's id; null: all
   * @param limit at most so many
   */
  record Jobs(@Nullable String prefix, @Nullable JobState state, int limit) implements Request {
    public static final int MAX_LIMIT = 100_000;
  }

  record Ping() implements Request {}
}
