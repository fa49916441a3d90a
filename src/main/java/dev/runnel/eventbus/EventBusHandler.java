package dev.runnel.eventbus;

import dev.runnel.job.BadNoticeException;
import dev.runnel.job.Job;
import dev.runnel.job.RejectedException;
import dev.runnel.job.SubscribeOptions;
import dev.runnel.model.Caller;
import dev.runnel.model.ErrorCode;
import dev.runnel.model.Event;
import dev.runnel.model.JobState;
import dev.runnel.model.Request;
import dev.runnel.service.EventBusAddresses;
import dev.runnel.service.JobService;
import dev.runnel.service.StartCommand;
import dev.runnel.wire.EventEncoder;
import dev.runnel.wire.Frame;
import dev.runnel.wire.ProtocolException;
import dev.runnel.wire.RequestDecoder;
import dev.runnel.wire.RequestException;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.Message;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers what consumers on the event bus ask, in the words of the wire. Owned by a worker
 * verticle, on its context. PROTOCOL.md, "On the event bus".
 */
final class EventBusHandler {
  private static final Logger LOG = LoggerFactory.getLogger(EventBusHandler.class);

  /** What a failed reply has as its code; its message begins with the error's name. */
  private static final int FAILURE_CODE = 1;

  private static final Caller CALLER = Caller.ON_THE_BUS;
  private static final byte[] NO_BODY = {};

  private final Vertx vertx;
  private final Context context;
  private final EventBusAddresses bus;
  private final JobService gate;
  private final EventBusTimeouts pace;
  private final Map<String, EventBusSubscriber> followers = new HashMap<>();
  private final Promise<Void> drained = Promise.promise();
  private boolean draining;

  EventBusHandler(Context context, EventBusAddresses bus, JobService gate, EventBusTimeouts pace) {
    this.vertx = context.owner();
    this.context = context;
    this.bus = bus;
    this.gate = gate;
    this.pace = pace;
  }

  /** Done when consumers can ask. */
  Future<?> open() {
    return Future.all(
        bus.onRequest(this::take).completion(), bus.onNodeRequest(this::take).completion());
  }

  /** Lets consumers that read hear how their jobs ended; done when nobody follows any more. */
  Future<?> drain() {
    draining = true;
    long patience = vertx.setTimer(pace.drain().toMillis(), _ -> sendAway());
    completeIfDrained();
    return drained.future().onComplete(_ -> vertx.cancelTimer(patience));
  }

  private void sendAway() {
    Event.Failed why =
        new Event.Failed(ErrorCode.UNAVAILABLE, "the node has shut down, output was unread", null);
    new ArrayList<>(followers.values()).forEach(follower -> follower.fail(why));
    drained.tryComplete();
  }

  private void completeIfDrained() {
    if (followers.isEmpty()) {
      drained.tryComplete();
    }
  }

  void forget(String follower) {
    followers.remove(follower);
    if (draining) {
      completeIfDrained();
    }
  }

  private void take(Message<Object> message) {
    try {
      Frame frame = BusFrame.frame(message);
      answer(message, RequestDecoder.decode(frame.header(), frame.body()));
    } catch (ProtocolException e) {
      refuse(message, e.code(), e.getMessage());
    } catch (RequestException e) {
      refuse(message, e.code(), e.getMessage());
    } catch (RejectedException e) {
      refuse(message, e.code(), e.getMessage());
    } catch (RuntimeException | Error e) {
      LOG.error("request failed address={}", message.address(), e);
      refuse(message, ErrorCode.INTERNAL, "a mistake of ours; the log has it");
    }
  }

  private static void refuse(Message<Object> message, ErrorCode code, String why) {
    message.fail(FAILURE_CODE, code.wireName() + ": " + why);
  }

  private void answer(Message<Object> message, Request request) throws RejectedException {
    switch (request) {
      case Request.Run run -> run(message, run);
      case Request.Attach attach ->
          follow(message, gate.attach(CALLER, attach), SubscribeOptions.of(attach));
      case Request.Detach(_, var linger) -> detach(message, linger);
      case Request.Notice notice -> notice(message, notice);
      case Request.SendSignal(var job, var signal) ->
          reply(message, new Event.Ok(gate.signal(CALLER, job, signal)), NO_BODY);
      case Request.Forget(var job) -> {
        gate.forget(CALLER, job);
        reply(message, new Event.Ok(JobState.ENDED), NO_BODY);
      }
      case Request.Resize(var job, var size) ->
          reply(message, new Event.Ok(gate.resize(CALLER, job, size)), NO_BODY);
      case Request.Cancel cancel ->
          gate.cancel(
              CALLER,
              cancel,
              state -> context.runOnContext(_ -> reply(message, new Event.Ok(state), NO_BODY)));
      case Request.Status(var job) ->
          reply(message, new Event.Status(gate.status(CALLER, job)), NO_BODY);
      case Request.Jobs jobs when jobs.watch() ->
          throw new RejectedException(ErrorCode.UNSUPPORTED, "watch: not on the event bus");
      case Request.Jobs jobs ->
          jobs(message, EventEncoder.encodeStatuses(gate.list(CALLER, jobs).rest()));
      case Request.Ping() -> reply(message, new Event.Pong(), NO_BODY);
      case Request.Nodes() ->
          throw new RejectedException(ErrorCode.UNSUPPORTED, "nodes: not on the event bus");
      case Request.Hello _ ->
          throw new RejectedException(ErrorCode.UNSUPPORTED, "hello: not on the event bus");
    }
  }

  private void run(Message<Object> message, Request.Run run) throws RejectedException {
    freeAddress(message);
    StartCommand start = gate.register(CALLER, run);
    SubscribeOptions how = SubscribeOptions.run(run.spec().window(), start.existence());
    gate.startFollowed(start, () -> follow(message, start.job(), how));
  }

  private void follow(Message<Object> message, Job job, SubscribeOptions how)
      throws RejectedException {
    String address = freeAddress(message);
    EventBusSubscriber follower = new EventBusSubscriber(this, context, address);
    follower.follow(job, how, gate.node());
    followers.put(address, follower);
    message.reply(
        Buffer.buffer(),
        BusFrame.options(EventEncoder.encode(null, new Event.Ok(job.state()), 0))
            .addHeader(BusFrame.JOB, job.id().value())
            .addHeader("boot", gate.node().boot()));
  }

  private String freeAddress(Message<Object> message) throws RejectedException {
    String address = message.headers().get(BusFrame.FOLLOWER);
    if (address == null || followers.containsKey(address)) {
      throw new RejectedException(
          ErrorCode.BAD_REQUEST,
          BusFrame.FOLLOWER
              + (address == null ? ": no such message header" : ": follows another job"));
    }
    return address;
  }

  private void detach(Message<Object> message, Request.Detach.Linger linger)
      throws RejectedException {
    String address = message.headers().get(BusFrame.FOLLOWER);
    EventBusSubscriber follower = address == null ? null : followers.get(address);
    if (follower == null) {
      throw new RejectedException(
          ErrorCode.BAD_REQUEST, BusFrame.FOLLOWER + ": " + address + " follows no job");
    }
    JobState state = follower.detach(linger);
    reply(message, new Event.Ok(state), NO_BODY);
  }

  private void notice(Message<Object> message, Request.Notice notice) throws RejectedException {
    String address = message.headers().get(BusFrame.FOLLOWER);
    @Nullable EventBusSubscriber follower = address == null ? null : followers.get(address);
    if (follower != null) {
      try {
        follower.take(notice);
      } catch (BadNoticeException e) {
        follower.fail(new Event.Failed(ErrorCode.BAD_NOTICE, e.getMessage(), null));
        throw new RejectedException(ErrorCode.BAD_NOTICE, e.getMessage());
      }
    }
    message.reply(null, BusFrame.untraced(new DeliveryOptions()));
  }

  // In one message, however many: the bus has no limit on a body.
  private static void jobs(Message<Object> message, List<byte[]> bodies) {
    Buffer all = Buffer.buffer("[");
    for (byte[] body : bodies) {
      if (all.length() > 1 && body.length > 2) {
        all.appendString(",");
      }
      all.appendBytes(body, 1, body.length - 2);
    }
    all.appendString("]");
    reply(message, new Event.JobsEnd(), all.getBytes());
  }

  private static void reply(Message<Object> message, Event event, byte[] body) {
    message.reply(
        Buffer.buffer(body), BusFrame.options(EventEncoder.encode(null, event, body.length)));
  }

  Vertx vertx() {
    return vertx;
  }

  EventBusTimeouts pace() {
    return pace;
  }
}
