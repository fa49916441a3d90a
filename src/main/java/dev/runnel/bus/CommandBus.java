package dev.runnel.bus;

import dev.runnel.model.JobSpec;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Vertx;

/**
 * Runs commands for verticles, over the event bus, on whichever node takes requests at an address.
 * Any thread; every job lives on the context that asked for it.
 */
public final class CommandBus {
  private final Vertx vertx;
  private final String address;

  private CommandBus(Vertx vertx, String address) {
    this.vertx = vertx;
    this.address = address;
  }

  /** The nodes at {@link Bus#DEFAULT_ADDRESS}. */
  public static CommandBus of(Vertx vertx) {
    return at(vertx, Bus.DEFAULT_ADDRESS);
  }

  /** The nodes at this address. */
  public static CommandBus at(Vertx vertx, String address) {
    return new CommandBus(vertx, address);
  }

  /**
   * Runs a command. Done when its process is there; failed if it could not be started, with a
   * {@link CommandException} that says why. The job ends when the context's verticle is undeployed.
   *
   * <p>Its handlers run on the caller's context, or on a new one if the caller has none.
   */
  public Future<BusJob> run(JobSpec spec) {
    Context context = vertx.getOrCreateContext();
    return new BusJob(vertx, context, address, spec).start();
  }
}
