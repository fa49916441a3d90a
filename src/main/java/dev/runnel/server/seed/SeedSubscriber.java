package dev.runnel.server.seed;

import dev.runnel.job.Job;
import dev.runnel.job.LentSlice;
import dev.runnel.job.RejectedException;
import dev.runnel.job.SubscribeOptions;
import dev.runnel.job.Subscription;
import dev.runnel.model.End;
import dev.runnel.model.Event;
import dev.runnel.model.NodeIdentity;
import dev.runnel.model.Outcome;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * Collects all that a job writes, as fast as it comes, until its end makes an answer of it. On its
 * connection's event loop.
 */
final class SeedSubscriber implements Subscription.Outlet {
  private static final SubscribeOptions HOW =
      SubscribeOptions.run(OptionalLong.empty(), SubscribeOptions.Existence.NEW);
  private static final int LEASE_BYTES = 64 * 1024;
  private static final int LEASES_IN_A_TURN = 16;

  private final SeedConnection connection;
  private final SeedAnswer answer;
  private final Subscription following;
  private @Nullable RejectedException tooMuch;

  SeedSubscriber(SeedConnection connection, Job job, NodeIdentity node, SeedMemory memory)
      throws RejectedException {
    this.connection = connection;
    this.answer = new SeedAnswer(memory);
    this.following = Subscription.of(job, HOW, node, this);
  }

  /** The connection is gone. */
  void leave() {
    following.leave();
    answer.close();
  }

  @Override
  public void execute(Runnable task) {
    connection.execute(task);
  }

  @Override
  public void look() {
    following.tell();
  }

  @Override
  public void tell(Event.Interim event) {
    // The original has no word for anything but the whole answer.
  }

  @Override
  public void ready() {
    int leases = 0;
    while (tooMuch == null && following.next(LEASE_BYTES, this::keep)) {
      if (++leases == LEASES_IN_A_TURN) {
        // Others have their connections on this event loop, too.
        connection.execute(this::ready);
        return;
      }
    }
    if (tooMuch != null) {
      cancel(tooMuch.getMessage());
    }
  }

  @Override
  public void finish(Event.Final event) {
    switch (event) {
      case Event.Ended(End end, long gapBytes) when isWhole(end, gapBytes) ->
          connection.answer(answer);
      case Event.Ended(End end, long _) ->
          end("the command did not end by itself: " + end.outcome().wireName());
      case Event.Failed failed -> end(failed.message());
      case Event.Detached _,
          Event.Hello _,
          Event.Ok _,
          Event.Pong _,
          Event.Status _,
          Event.JobsEnd _,
          Event.NodesEnd _ ->
          throw new IllegalStateException("not the end of a run: " + event);
    }
  }

  // Anything else would look to the client like all there is.
  private static boolean isWhole(End end, long gapBytes) {
    return gapBytes == 0 && (end.outcome() == Outcome.EXITED || end.outcome() == Outcome.SIGNALED);
  }

  private void keep(LentSlice lease) {
    try (lease) {
      answer.add(lease.stream(), lease.bytes());
    } catch (RejectedException e) {
      tooMuch = e;
    }
  }

  private void cancel(String reason) {
    // Before the connection leaves its seat, which would make it an abandoned one.
    following.job().cancel(null, _ -> {});
    end(reason);
  }

  private void end(String reason) {
    connection.end("job " + following.job().id() + ": " + reason);
  }
}
