package dev.runnel.daemon;

import io.vertx.core.Future;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How a daemon ends once it was asked to: its jobs may end by themselves for a while, then they are
 * ended, and then killed. Whoever asks again hurries it by one of these steps. The main thread
 * waits in it; any thread may ask.
 */
final class GracefulShutdown {
  private static final Logger LOG = LoggerFactory.getLogger(GracefulShutdown.class);

  /** What jobs get for their own grace, whatever they asked for. */
  private static final Duration LONGEST_GRACE = Duration.ofSeconds(15);

  private static final Duration HURRY_INTERVAL = Duration.ofMillis(100);
  private static final int MAX_STEPS = 16;

  private final BlockingQueue<Step> steps = new LinkedBlockingQueue<>(MAX_STEPS);

  private final Consumer<Deadline> limit;

  /**
   * @param limit told by when the process has to have ended
   */
  GracefulShutdown(Consumer<Deadline> limit) {
    this.limit = limit;
  }

  private enum Step {
    ASKED,
    DONE
  }

  /** Asks for it, or hurries it. */
  void ask() {
    // With so many asked already, one more changes nothing.
    var _ = steps.offer(Step.ASKED);
  }

  /** Waits until it is asked for. */
  void await() throws InterruptedException {
    while (steps.take() != Step.ASKED) {
      // Nothing has begun that could be done.
    }
  }

  /** Lets the jobs end by themselves, for so long at most or until somebody hurries. */
  void drain(Node node, Duration patience) throws InterruptedException {
    Future<Void> drained = node.drain();
    if (!patience.isZero() && !drained.isComplete()) {
      LOG.info(
          "draining jobs={} patience_ms={} (another signal ends them at once)",
          node.jobs(),
          patience.toMillis());
      Step step = awaitStep(drained, patience);
      LOG.info(
          "drained cause={}", step == null ? "patience" : step == Step.DONE ? "idle" : "asked");
    }
  }

  /**
   * Ends the jobs, and kills them if that takes too long or somebody hurries. From here on the
   * process has so much time until it ends, whatever hangs.
   */
  Future<Void> stop(Node node, Deadline deadline) throws InterruptedException {
    limit.accept(deadline);
    Future<Void> stopped = node.stop(deadline);
    Step step = awaitStep(stopped, LONGEST_GRACE);
    if (step != Step.DONE) {
      LOG.info("killing the rest");
    }
    // Again and again: some of the jobs may not have been told yet that they are to end.
    while (step != Step.DONE && !stopped.isComplete() && !deadline.isOver()) {
      node.hurry();
      step = steps.poll(HURRY_INTERVAL.toMillis(), TimeUnit.MILLISECONDS);
    }
    return stopped;
  }

  private @Nullable Step awaitStep(Future<Void> done, Duration patience)
      throws InterruptedException {
    done.onComplete(_ -> steps.offer(Step.DONE));
    return steps.poll(patience.toMillis(), TimeUnit.MILLISECONDS);
  }
}
