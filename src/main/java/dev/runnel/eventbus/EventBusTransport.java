package dev.runnel.eventbus;

import dev.runnel.api.CommandException;
import dev.runnel.api.JobHandle;
import dev.runnel.api.JobSession;
import dev.runnel.api.JobTransport;
import dev.runnel.model.Event;
import dev.runnel.model.JobId;
import dev.runnel.model.Request;
import dev.runnel.service.EventBusAddresses;
import dev.runnel.wire.EventDecoder;
import dev.runnel.wire.Frame;
import dev.runnel.wire.ProtocolException;
import dev.runnel.wire.RequestEncoder;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.Message;
import io.vertx.core.eventbus.MessageConsumer;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A follower's way over the event bus. Its address there is what the node goes by: whoever no
 * longer listens at it is gone. On the follower's context.
 */
final class EventBusTransport implements JobTransport {
  /** Nodes say something at least every few seconds. */
  private static final long SILENCE_MILLIS = 30_000;

  private final Vertx vertx;
  private final String address;
  private final Request opening;
  private final String followerAddress = "runnel.follower." + UUID.randomUUID();
  private final JobSession follower;
  private @Nullable MessageConsumer<Object> consumer;
  private long watchdog;
  private boolean heard;
  private boolean closed;

  /**
   * @param address where the opening, a run or an attach, is to be asked
   */
  EventBusTransport(Context context, String address, Request opening, long window) {
    this.vertx = context.owner();
    this.address = address;
    this.opening = opening;
    this.follower = new JobSession(context, this, opening, window);
    context.runOnContext(_ -> register());
  }

  Future<JobHandle> started() {
    return follower.started();
  }

  // Only when the registration is complete does the bus know where to send.
  private void register() {
    await();
    MessageConsumer<Object> registered = vertx.eventBus().consumer(followerAddress, this::take);
    consumer = registered;
    // The node notices too, and does what it does about a lost runner.
    registered.endHandler(
        _ -> follower.giveUp(new CommandException.Detached("the verticle was undeployed")));
    registered.completion().compose(_ -> request(address, opening)).onFailure(this::fail);
  }

  // The receipt goes out first: it says that we are here, not that we have dealt with it.
  private void take(Message<Object> message) {
    heard = true;
    message.reply(null, BusFrame.untraced(new DeliveryOptions()));
    if (closed || !message.headers().contains(BusFrame.FRAME)) {
      return;
    }
    try {
      Frame frame = BusFrame.frame(message);
      Event event = EventDecoder.decode(frame.header());
      if (event != null) {
        follower.take(event, frame.body());
      }
    } catch (ProtocolException e) {
      follower.fail(
          new CommandException.Damaged("the node sent what is no event: " + e.getMessage(), e));
    }
  }

  // One at a time: of a periodic timer all that we missed while we stood still come at once.
  private void await() {
    watchdog = vertx.setTimer(SILENCE_MILLIS, _ -> watch());
  }

  private void watch() {
    if (heard) {
      heard = false;
      await();
    } else {
      follower.fail(lost("the node is silent", null));
    }
  }

  private void fail(Throwable cause) {
    CommandException why = BusFrame.failure(cause);
    follower.fail(follower.begun() == null ? why : lost(why.getMessage(), why));
  }

  private CommandException lost(String why, @Nullable Throwable cause) {
    return follower.begun() == null
        ? new CommandException.OutcomeUnknown(why, cause)
        : new CommandException.NodeLost(why, cause);
  }

  @Override
  public void send(Request.Notice notice) {
    request(nodeAddress(), notice).onFailure(this::fail);
  }

  @Override
  public Future<Event> ask(Request request) {
    return request(nodeAddress(), request)
        .recover(e -> Future.failedFuture(BusFrame.failure(e)))
        .map(BusFrame::answer);
  }

  @Override
  public void close() {
    closed = true;
    vertx.cancelTimer(watchdog);
    if (consumer != null) {
      var _ = consumer.unregister();
    }
  }

  @Override
  public void abandon(JobId job) {
    var _ = ask(new Request.Cancel(job));
    close();
  }

  // Several nodes may share the common address: it is this one that has the job.
  private String nodeAddress() {
    Event.Started begun = follower.begun();
    if (begun == null) {
      throw new IllegalStateException("not started");
    }
    return EventBusAddresses.nodeAddress(address, begun.boot());
  }

  private Future<Message<Object>> request(String to, Request request) {
    byte[] encoded = RequestEncoder.encode(null, request);
    DeliveryOptions options =
        BusFrame.options(encoded).addHeader(BusFrame.FOLLOWER, followerAddress);
    return vertx
        .eventBus()
        .request(
            to,
            BusFrame.body(encoded),
            request instanceof Request.Notice ? BusFrame.untraced(options) : options);
  }
}
