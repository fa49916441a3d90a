package dev.runnel.model;

import java.time.Duration;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** What a client asks. PROTOCOL.md, "Requests". */
public sealed interface Request {

  /** Two requests are notices: they carry no id and get no answer. */
  sealed interface Notice extends Request {}

  /**
   * Who the client is.
   *
   * @param heartbeat how often either side is to hear of the other; null: that is not asked for
   * @param onBehalf of whom another node asks all that follows; null: the client asks for itself
   */
  record Hello(
      int version, @Nullable String token, @Nullable Duration heartbeat, @Nullable Caller onBehalf)
      implements Request {
    public static final Duration MIN_HEARTBEAT = Duration.ofSeconds(1);
    public static final Duration MAX_HEARTBEAT = Duration.ofHours(1);

    /** One that wants no heartbeats. */
    public Hello(int version, @Nullable String token) {
      this(version, token, null, null);
    }

    /** One for itself. */
    public Hello(int version, @Nullable String token, @Nullable Duration heartbeat) {
      this(version, token, heartbeat, null);
    }

    /** What can be asked for that is nearest to it. */
    public static Duration nearestHeartbeat(Duration wanted) {
      if (wanted.compareTo(MAX_HEARTBEAT) > 0) {
        return MAX_HEARTBEAT;
      }
      return wanted.compareTo(MIN_HEARTBEAT) < 0 ? MIN_HEARTBEAT : wanted;
    }

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
   * @param once names this one execution: the same job asked for with the same once is not started
   *     again; null: it must be new
   * @param boot the life of the server it is meant for; null: any
   * @param placement on which node of a cluster
   */
  record Run(
      @Nullable JobId job,
      @Nullable String once,
      JobSpec spec,
      @Nullable String boot,
      Placement placement)
      implements Request {
    /** In bytes of UTF-8. */
    public static final int MAX_ONCE = 128;

    /** One that must be new. */
    public Run(@Nullable JobId job, JobSpec spec) {
      this(job, null, spec, null);
    }

    /** One on the node that is asked. */
    public Run(@Nullable JobId job, @Nullable String once, JobSpec spec, @Nullable String boot) {
      this(job, once, spec, boot, Placement.HERE);
    }

    /** The same on such a node. */
    public Run withPlacement(Placement other) {
      return new Run(job, once, spec, boot, other);
    }

    /** The same, started once however often it is asked for. */
    public Run withOnce(@Nullable String other) {
      return new Run(job, other, spec, boot, placement);
    }

    /** The same for that life of the server. */
    public Run withBoot(@Nullable String other) {
      return new Run(job, once, spec, other, placement);
    }

    /** The same name for something else. */
    public Run withSpec(JobSpec other) {
      return new Run(job, once, other, boot, placement);
    }
  }

  /**
   * To follow a job that is there.
   *
   * @param boot the life of the server it is meant for; null: any
   * @param from the log offset of the first byte wanted; absent: the log's end
   * @param window credit in bytes beyond the last ack; absent: paced by the transport
   */
  record Attach(JobId job, @Nullable String boot, OptionalLong from, OptionalLong window, Role role)
      implements Request {
    /** From the first byte that is still there, in any life of the server. */
    public Attach(JobId job, Role role) {
      this(job, null, OptionalLong.of(0), OptionalLong.empty(), role);
    }

    /** The same from another offset; absent: from the log's end on. */
    public Attach withFrom(OptionalLong other) {
      return new Attach(job, boot, other, window, role);
    }

    /** The same in that life of the server. */
    public Attach withBoot(@Nullable String other) {
      return new Attach(job, other, from, window, role);
    }

    /** The same with another window. */
    public Attach withWindow(OptionalLong other) {
      return new Attach(job, boot, from, other, role);
    }
  }

  /**
   * To follow no longer; the job goes on.
   *
   * @param follow the id of the run or attach it is about; null: the one without an id
   * @param linger whether a runner's job goes on for as long as it likes
   */
  record Detach(@Nullable String follow, Linger linger) implements Request {
    /** For how long the seat may be vacant. */
    public enum Linger {
      UNLIMITED,
      /** As after a lost connection. */
      LIMITED
    }

    /** One after which a runner's job goes on. */
    public Detach(@Nullable String follow) {
      this(follow, Linger.UNLIMITED);
    }
  }

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
   * @param follow the id of the run or attach it is about; null: the one without an id
   */
  record Ack(@Nullable String follow, long offset) implements Notice {}

  record SendSignal(JobId job, Signal signal) implements Request {}

  /**
   * The job is to end.
   *
   * @param grace how long it gets between TERM and KILL, if that is less than it has; null: what it
   *     has
   */
  record Cancel(JobId job, @Nullable Duration grace) implements Request {
    public Cancel {
      if (grace != null && grace.isNegative()) {
        throw new IllegalArgumentException("grace: " + grace + " (expected: zero or more)");
      }
    }

    public Cancel(JobId job) {
      this(job, null);
    }
  }

  /** A job that has ended is to be known no longer. */
  record Forget(JobId job) implements Request {}

  /** A job's terminal has another size now. */
  record Resize(JobId job, TerminalSize size) implements Request {}

  record Status(JobId job) implements Request {}

  /**
   * A list of jobs.
   *
   * @param prefix of the job's id; null: all
   * @param labels that each of them has
   * @param after the job's id that comes before them; null: from the first on
   * @param limit at most so many
   * @param watch whether their changes are asked for, too
   */
  record Jobs(
      @Nullable String prefix,
      @Nullable JobState state,
      Labels labels,
      @Nullable JobId after,
      int limit,
      boolean watch)
      implements Request {
    public static final int MAX_LIMIT = 100_000;

    /** All of them. */
    public static final Jobs ALL = new Jobs(null, null, Labels.NONE, MAX_LIMIT);

    /** Those there are now, from the first on. */
    public Jobs(@Nullable String prefix, @Nullable JobState state, Labels labels, int limit) {
      this(prefix, state, labels, null, limit, false);
    }

    /** Whether one of that name, in that state and with these labels, is among them. */
    public boolean fits(JobStatus status) {
      return (prefix == null || status.job().value().startsWith(prefix))
          && (state == null || status.state() == state)
          && status.labels().contain(labels);
    }
  }

  /** Who is in the cluster. */
  record Nodes() implements Request {}

  record Ping() implements Request {}

  /** An answer to the server's own {@code ping}. */
  record Pong() implements Notice {}
}
