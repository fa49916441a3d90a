package dev.runnel.eventbus;

import dev.runnel.job.BadNoticeException;
import dev.runnel.job.Job;
import dev.runnel.job.LentSlice;
import dev.runnel.job.RejectedException;
import dev.runnel.job.SubscribeOptions;
import dev.runnel.job.Subscription;
import dev.runnel.model.Event;
import dev.runnel.model.JobState;
import dev.runnel.model.NodeIdentity;
import dev.runnel.model.Request;
import dev.runnel.wire.EventEncoder;
import io.vertx.core.Context;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.eventbus.DeliveryOptions;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Carries what a follower is told to its address on the event bus. The reply to each message is its
 * receipt, which says only that somebody is there; credit comes by {@code ack}. On the worker
 * verticle's context.
 */
final class EventBusSubscriber implements Subscription.Outlet {
  /** Credit is counted in bytes: a command that writes one at a time would fill the memory. */
  private static final int MAX_WITHOUT_RECEIPT = 64;

  private final EventBusHandler desk;
  private final Context context;
  private final String address;
  private @Nullable Subscription following;
  private long probe;
  private int withoutReceipt;
  private boolean spoke;
  private boolean ready;
  private boolean over;

  EventBusSubscriber(EventBusHandler desk, Context context, String address) {
    this.desk = desk;
    this.context = context;
    this.address = address;
  }

  /**
   * Begins; everything else comes after it. Whoever names no window gets one.
   *
   * @throws RejectedException if it asks for more than the job has
   */
  void follow(Job job, SubscribeOptions how, NodeIdentity node) throws RejectedException {
    long window = BusFrame.window(how.window(), job.retainBytes());
    following = Subscription.of(job, how.withWindow(window), node, this);
    // Twice as often as promised: what was said just after one look counts until the next.
    long everyMillis = desk.pace().quiet().toMillis() / 2;
    probe = desk.vertx().setPeriodic(everyMillis, _ -> probe());
  }

  private Subscription following() {
    return Objects.requireNonNull(following);
  }

  /** The consumer wants to hear no more. */
  JobState detach(Request.Detach.Linger linger) {
    following().detach(linger);
    return following().job().state();
  }

  void take(Request.Notice notice) throws BadNoticeException {
    switch (notice) {
      case Request.Stdin(_, long offset, byte[] bytes, boolean eof) ->
          following().stdin(offset, bytes, eof);
      case Request.Ack(_, long offset) -> following().ack(offset);
      case Request.Pong _ -> {}
    }
    sendOutput();
  }

  /** The follower is told why nothing more comes, and its job goes the way of a lost runner's. */
  void fail(Event.Failed why) {
    leave();
    send(why, Buffer.buffer());
  }

  /** Nobody is there any more, or we stop. Idempotent. */
  void leave() {
    if (!over) {
      close();
      following().leave();
    }
  }

  @Override
  public void execute(Runnable task) {
    context.runOnContext(_ -> task.run());
  }

  @Override
  public void look() {
    following().tell();
    sendOutput();
  }

  @Override
  public void tell(Event.Interim event) {
    send(event, Buffer.buffer());
  }

  @Override
  public void ready() {
    ready = true;
  }

  @Override
  public void finish(Event.Final event) {
    close();
    send(event, Buffer.buffer());
  }

  private void sendOutput() {
    while (ready && !over && withoutReceipt < MAX_WITHOUT_RECEIPT) {
      ready = false;
      if (following().next(BusFrame.MAX_OUTPUT_BYTES, this::send)) {
        following().tell();
      }
    }
  }

  private void send(LentSlice lease) {
    try (lease) {
      byte[] bytes = new byte[(int) lease.bytes().byteSize()];
      lease.bytes().asByteBuffer().get(bytes);
      send(
          new Event.Output(following().job().id(), lease.stream(), lease.offset()),
          Buffer.buffer(bytes));
    }
  }

  private void send(Event event, Buffer body) {
    spoke = true;
    request(BusFrame.options(EventEncoder.encode(null, event, body.length())), body);
  }

  // A quiet job's consumer would not be missed: an empty message asks whether it is there.
  private void probe() {
    if (!spoke) {
      request(new DeliveryOptions(), Buffer.buffer());
    }
    spoke = false;
  }

  private void request(DeliveryOptions options, Buffer body) {
    withoutReceipt++;
    desk.vertx()
        .eventBus()
        .request(
            address,
            body,
            BusFrame.untraced(options).setSendTimeout(desk.pace().receipt().toMillis()))
        .onSuccess(_ -> receipt())
        .onFailure(_ -> leave());
  }

  private void receipt() {
    withoutReceipt--;
    sendOutput();
  }

  private void close() {
    over = true;
    desk.vertx().cancelTimer(probe);
    desk.forget(address);
  }
}
