package dev.runnel.job;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.runnel.model.End;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.JobState;
import dev.runnel.model.JobStatus;
import dev.runnel.model.Outcome;
import dev.runnel.model.StreamTotal;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/** What is told of a job while it goes on to the next thing: it is all of one moment. */
class SnapshotTest {
  private static final int JOBS = 3_000;

  @Test
  void statusNeverContradictsItself() throws Exception {
    for (int round = 0; round < JOBS; round++) {
      Scene scene = new Scene();
      Job job = scene.register().job();
      AtomicBoolean over = new AtomicBoolean();
      CompletableFuture<List<String>> seen =
          CompletableFuture.supplyAsync(() -> contradictions(job, over));
      job.becomeStarted(new Job.Started(7, Instant.EPOCH));
      job.becomeExited(new ExitStatus.Exited(0));
      job.becomeEnded(end(job));
      over.set(true);
      assertEquals(List.of(), seen.get());
    }
  }

  private static List<String> contradictions(Job job, AtomicBoolean over) {
    List<String> found = new ArrayList<>();
    boolean last = false;
    while (!last) {
      last = over.get();
      JobStatus status = job.status();
      boolean ended = status.end() != null;
      boolean started = status.pid() != null;
      if (ended != (status.state() == JobState.ENDED)
          || started == (status.state() == JobState.STARTING)) {
        found.add(status.toString());
      }
    }
    return found;
  }

  private static End end(Job job) {
    return new End(
        job.id(),
        Outcome.EXITED,
        new ExitStatus.Exited(0),
        null,
        new StreamTotal(0, 0),
        new StreamTotal(0, 0),
        0,
        true,
        List.of(),
        0,
        Instant.EPOCH,
        null,
        null,
        false);
  }
}
