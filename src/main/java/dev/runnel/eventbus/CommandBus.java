package dev.runnel.eventbus;

import dev.runnel.api.CommandException;
import dev.runnel.api.Commands;
import dev.runnel.api.JobHandle;
import dev.runnel.model.Event;
import dev.runnel.model.JobId;
import dev.runnel.model.JobStatus;
import dev.runnel.model.Request;
import dev.runnel.service.EventBusAddresses;
import dev.runnel.wire.EventDecoder;
import dev.runnel.wire.ProtocolException;
import dev.runnel.wire.RequestEncoder;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.eventbus.Message;
import java.util.List;

/**
 * Runs commands for verticles, over the event bus, on whichever node takes requests at an address.
 * Where several share it, a job is asked for at its node's own address: that of {@link
 * EventBusAddresses#nodeAddress}.
 */
public final class CommandBus implements Commands {
  private final Vertx vertx;
  private final String address;

  private CommandBus(Vertx vertx, String address) {
    this.vertx = vertx;
    this.address = address;
  }

  /** The nodes at {@link EventBusAddresses#DEFAULT_ADDRESS}. */
  public static CommandBus of(Vertx vertx) {
    return at(vertx, EventBusAddresses.DEFAULT_ADDRESS);
  }

  /** The nodes at this address. */
  public static CommandBus at(Vertx vertx, String address) {
    return new CommandBus(vertx, address);
  }

  @Override
  public Future<JobHandle> run(Request.Run run) {
    return follow(run, BusFrame.window(run.spec()));
  }

  @Override
  public Future<JobHandle> attach(Request.Attach attach) {
    return follow(attach, attach.window().orElse(BusFrame.WINDOW_BYTES));
  }

  private Future<JobHandle> follow(Request opening, long window) {
    return new EventBusTransport(vertx.getOrCreateContext(), address, opening, window).started();
  }

  @Override
  public Future<JobStatus> status(JobId job) {
    return ask(new Request.Status(job))
        .map(
            answer -> {
              if (answer instanceof Event.Status(JobStatus status)) {
                return status;
              }
              throw new CommandException.Damaged("the node's answer is no status");
            });
  }

  @Override
  public Future<List<JobStatus>> jobs(Request.Jobs which) {
    return request(which)
        .map(
            message -> {
              try {
                return EventDecoder.decodeStatuses(((Buffer) message.body()).getBytes());
              } catch (ProtocolException e) {
                throw new CommandException.Damaged(
                    "the node's answer is no list: " + e.getMessage());
              }
            });
  }

  @Override
  public Future<Event> ask(Request request) {
    return request(request).map(BusFrame::answer);
  }

  private Future<Message<Object>> request(Request request) {
    byte[] encoded = RequestEncoder.encode(null, request);
    return vertx
        .eventBus()
        .request(address, BusFrame.body(encoded), BusFrame.options(encoded))
        .recover(e -> Future.failedFuture(BusFrame.failure(e)));
  }
}
