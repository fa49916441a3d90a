package dev.runnel.job;

import dev.runnel.model.Request;
import dev.runnel.model.Role;
import java.util.OptionalLong;

/**
 * How a job is to be followed.
 *
 * @param from the log offset of the first byte wanted; absent: the log's end
 * @param window credit in bytes beyond the last ack; absent: paced by the transport
 * @param job whether it was there already
 */
public record SubscribeOptions(Role role, OptionalLong from, OptionalLong window, Existence job) {
  /** Whether a job was there before it was asked for. */
  public enum Existence {
    NEW,
    EXISTING
  }

  /** As the runner of a job, from its first byte on. */
  public static SubscribeOptions run(OptionalLong window, Existence job) {
    return new SubscribeOptions(Role.RUNNER, OptionalLong.of(0), window, job);
  }

  /** As an attach asks for it. */
  public static SubscribeOptions of(Request.Attach attach) {
    return new SubscribeOptions(attach.role(), attach.from(), attach.window(), Existence.EXISTING);
  }

  /** The same with another window. */
  public SubscribeOptions withWindow(long bytes) {
    return new SubscribeOptions(role, from, OptionalLong.of(bytes), job);
  }
}
