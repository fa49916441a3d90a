package dev.runnel.service;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.job.JobLimits;
import dev.runnel.job.JobRegistry;
import dev.runnel.job.LogMemory;
import dev.runnel.model.JobId;
import dev.runnel.model.NodeIdentity;
import dev.runnel.model.Request;
import dev.runnel.process.ProcessEngine;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** What is kept in mind for who watches a list and does not look. */
class JobWatchTest {
  private static final int MORE_THAN_IS_KEPT = 10_000;

  private final AtomicInteger wakes = new AtomicInteger();
  private final JobWatch watch =
      new JobWatch(registry(), Request.Jobs.ALL, _ -> true, wakes::incrementAndGet);

  // Of an engine the registry asks nothing that counts here.
  private static JobRegistry registry() {
    ProcessEngine engine =
        (ProcessEngine)
            Proxy.newProxyInstance(
                ProcessEngine.class.getClassLoader(),
                new Class<?>[] {ProcessEngine.class},
                (_, method, _) -> method.getReturnType() == long.class ? (Object) 0L : null);
    return new JobRegistry(
        new NodeIdentity("n", "b"), engine, new LogMemory(1 << 20, 16), JobLimits.DEFAULT);
  }

  private static JobId job(int number) {
    return new JobId("job-" + number);
  }

  @Test
  void wakesOnceUntilItIsLookedAt() {
    assertTrue(watch.next(32).listed());
    watch.forgotten(job(1), "ann");
    watch.forgotten(job(2), "ann");
    assertEquals(1, wakes.get());
    assertTrue(watch.hasMore());
    assertEquals(2, watch.next(32).gone().size());
    assertFalse(watch.hasMore());
    watch.forgotten(job(1), "ann");
    assertEquals(2, wakes.get());
  }

  @Test
  void tellsAllAnewWhereMoreChangedThanIsKept() {
    assertTrue(watch.next(32).listed());
    for (int i = 0; i < MORE_THAN_IS_KEPT; i++) {
      watch.forgotten(job(i), "ann");
    }
    JobWatch.Piece anew = watch.next(32);
    assertTrue(anew.reset() && anew.listed(), anew::toString);
    assertEquals(List.of(), anew.gone());
    assertFalse(watch.hasMore());
  }

  @Test
  void tellsNoMoreThanWasAskedForAtATime() {
    assertTrue(watch.next(32).listed());
    for (int i = 0; i < 100; i++) {
      watch.forgotten(job(i), "ann");
    }
    int told = 0;
    while (watch.hasMore()) {
      JobWatch.Piece piece = watch.next(32);
      assertTrue(piece.gone().size() <= 32);
      told += piece.gone().size();
    }
    assertEquals(100, told);
  }

  @Test
  void hearsOfNothingMoreWhenItIsClosed() {
    assertTrue(watch.next(32).listed());
    watch.close();
    assertFalse(watch.hasMore());
  }
}
