package dev.runnel.fanout;

import dev.runnel.cli.CliContext;
import dev.runnel.cli.Failure;
import dev.runnel.cli.FanOutOrder;
import dev.runnel.cli.NodeEnd;
import dev.runnel.model.Signal;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.file.FileSystemOptions;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** {@code exec} on many nodes, from the first connection to the exit code. */
public final class FanOut {
  private static final List<Signal> ENDING = List.of(Signal.TERM, Signal.HUP);

  /** How long a signal to us waits for the jobs' ends. */
  private static final long PARTING_MILLIS = 1_000;

  private static final int SIGNAL_BASE = 128;

  private final FanOutOrder order;
  private final CliContext context;
  private final Vertx vertx;
  private final Printer printer;
  private final Fleet fleet;
  private final @Nullable NodeFiles files;

  private FanOut(FanOutOrder order, CliContext context, @Nullable NodeFiles files) {
    this.order = order;
    this.context = context;
    this.files = files;
    this.vertx = Vertx.vertx(options());
    this.printer = new Printer(context, this::goOn, this::outputFailed);
    Folding folding =
        files == null || order.look().form() != FanOutOrder.Form.FOLDED
            ? null
            : new Folding(files, printer);
    NodeOutput.Maker outputs = new NodeOutput.Maker(order.look(), context, printer, files, folding);
    this.fleet = new Fleet(vertx, order, printer, folding, outputs);
  }

  private static VertxOptions options() {
    return new VertxOptions()
        .setPreferNativeTransport(true)
        .setEventLoopPoolSize(1)
        .setWorkerPoolSize(2)
        .setInternalBlockingPoolSize(2)
        // Of a machine that is busy nobody wants to hear here.
        .setBlockedThreadCheckInterval(TimeUnit.HOURS.toMillis(1))
        .setFileSystemOptions(
            new FileSystemOptions()
                .setFileCachingEnabled(false)
                .setClassPathResolvingEnabled(false));
  }

  /** Runs it, writing on the calling thread, and returns the worst exit code. */
  public static int run(FanOutOrder order, CliContext context)
      throws Failure, InterruptedException {
    // The JDK would warn of it on stderr, and it saves a client nothing.
    if (System.getProperty("io.netty.noUnsafe") == null) {
      System.setProperty("io.netty.noUnsafe", "true");
    }
    List<String> names = order.nodes().stream().map(FanOutOrder.Node::name).toList();
    boolean folds = order.look().form() == FanOutOrder.Form.FOLDED;
    try (NodeFiles files =
        order.look().folder() != null
            ? NodeFiles.in(order.look().folder(), names)
            : folds ? NodeFiles.temporary() : null) {
      return new FanOut(order, context, files).run();
    }
  }

  private int run() throws Failure, InterruptedException {
    try {
      var _ = vertx.exceptionHandler(e -> fleet.post(() -> fleet.breakOff("internal error: " + e)));
      watchSignals();
      InputSpool input =
          order.input() == FanOutOrder.Input.OURS
              ? InputSpool.start(context.in(), () -> fleet.post(fleet::inputChanged))
              : null;
      fleet.post(() -> fleet.begin(input, context));
      Failure unwritten = printer.run();
      report();
      if (unwritten != null) {
        throw unwritten;
      }
      return fleet.exitCode();
    } catch (IOException e) {
      throw Failure.of("cannot keep our stdin for all nodes: " + e.getMessage());
    } finally {
      // Not waited for: nothing is left to be sent.
      var _ = vertx.close();
    }
  }

  private void goOn() {
    fleet.post(fleet::goOn);
  }

  private void outputFailed(String why) {
    fleet.post(() -> fleet.abort(why));
  }

  private void report() throws Failure {
    if (order.report() != null) {
      List<NodeEnd> ends = fleet.ends();
      try {
        order.report().write(ends);
      } catch (IOException e) {
        throw Failure.of("cannot write the report: " + e.getMessage());
      }
    }
  }

  private void watchSignals() {
    context.signals().on("INT", () -> fleet.post(this::interrupt));
    for (Signal signal : ENDING) {
      context.signals().on(signal.name(), () -> fleet.post(() -> leave(signal)));
    }
  }

  private void interrupt() {
    if (!fleet.interrupt()) {
      halt(Signal.INT);
    }
  }

  private void leave(Signal signal) {
    fleet.leave(signal);
    var _ = vertx.setTimer(PARTING_MILLIS, _ -> halt(signal));
  }

  private void halt(Signal signal) {
    if (files != null) {
      files.close();
    }
    try {
      report();
    } catch (Failure e) {
      context.err().tryPrintLine(e.line());
    }
    context.halt().accept(SIGNAL_BASE + signal.number());
  }
}
