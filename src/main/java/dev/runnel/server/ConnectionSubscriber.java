package dev.runnel.server;

import dev.runnel.job.Job;
import dev.runnel.job.LentSlice;
import dev.runnel.job.RejectedException;
import dev.runnel.job.SubscribeOptions;
import dev.runnel.job.Subscription;
import dev.runnel.model.Event;
import dev.runnel.model.NodeIdentity;
import dev.runnel.wire.EventEncoder;
import dev.runnel.wire.Limits;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Carries what a follower is told over its connection, in the connection's turns. On its event
 * loop.
 */
final class ConnectionSubscriber implements Subscription.Outlet {
  private final ServerConnection connection;
  private final @Nullable String id;
  private @Nullable Subscription following;
  private boolean queued;
  private boolean over;

  ConnectionSubscriber(ServerConnection connection, @Nullable String id) {
    this.connection = connection;
    this.id = id;
  }

  /**
   * Begins; everything else comes after it.
   *
   * @throws RejectedException if it asks for more than the job has
   */
  void follow(Job job, SubscribeOptions how, NodeIdentity node) throws RejectedException {
    following = Subscription.of(job, how, node, this);
  }

  /** The id of the run or attach. */
  @Nullable String id() {
    return id;
  }

  Subscription following() {
    return Objects.requireNonNull(following);
  }

  /** Sends one frame of output, or the end, and asks for another turn if there may be more. */
  void takeTurn() {
    queued = false;
    if (!over && following().next(Limits.MAX_BODY_BYTES, this::send)) {
      following().tell();
    }
  }

  /** The connection is gone. */
  void leave() {
    over = true;
    following().leave();
  }

  @Override
  public void execute(Runnable task) {
    connection.execute(task);
  }

  @Override
  public void look() {
    following().tell();
    connection.flush();
  }

  @Override
  public void tell(Event.Interim event) {
    connection.answer(id, event);
  }

  @Override
  public void ready() {
    if (!queued && !over) {
      queued = true;
      connection.queueTurn(this);
    }
  }

  @Override
  public void finish(Event.Final event) {
    over = true;
    connection.forget(this);
    connection.answer(id, event);
  }

  private void send(LentSlice lease) {
    Event.Output output = new Event.Output(following().job().id(), lease.stream(), lease.offset());
    byte[] header = EventEncoder.encode(id, output, (int) lease.bytes().byteSize());
    connection.socket().output(header, lease);
  }
}
