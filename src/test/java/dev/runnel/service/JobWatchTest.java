package dev.runnel.service;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.job.JobLimits;
import dev.runnel.job.JobRegistry;
import dev.runnel.job.LogMemory;
import dev.runnel.job.RejectedException;
import dev.runnel.model.JobId;
import dev.runnel.model.NodeIdentity;
import dev.runnel.model.Request;
import dev.runnel.process.ProcessEngine;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** What is kept in mind for who watches a list and does not look. */
class JobWatchTest {
  private static final int MORE_THAN_IS_KEPT = 10_000;

  private final AtomicInteger wakes = new AtomicInteger();
  private final JobRegistry registry = registry();
  private final JobWatch watch = watch("ann");

  private JobWatch watch(String principal) {
    try {
      return new JobWatch(
          registry, principal, Request.Jobs.ALL, "ann"::equals, wakes::incrementAndGet);
    } catch (RejectedException e) {
      throw new IllegalStateException(e);
    }
  }

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
    watch.changed(job(1), "ann");
    watch.changed(job(2), "ann");
    assertEquals(1, wakes.get());
    assertTrue(watch.hasMore());
    assertEquals(2, watch.next(32).gone().size());
    assertFalse(watch.hasMore());
    watch.changed(job(1), "ann");
    assertEquals(2, wakes.get());
  }

  @Test
  void tellsAllAnewWhereMoreChangedThanIsKept() {
    assertTrue(watch.next(32).listed());
    for (int i = 0; i < MORE_THAN_IS_KEPT; i++) {
      watch.changed(job(i), "ann");
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
      watch.changed(job(i), "ann");
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
  void keepsNothingOfJobsThatMayNotBeSeen() {
    assertTrue(watch.next(32).listed());
    watch.changed(job(1), "bob");
    assertEquals(0, wakes.get());
    assertFalse(watch.hasMore());
  }

  @Test
  void aPrincipalMayWatchAQuarterOfAllLists() {
    for (int i = 1; i < 64; i++) {
      assertTrue(watch("ann").next(32).listed());
    }
    IllegalStateException tooMany = assertThrows(IllegalStateException.class, () -> watch("ann"));
    assertEquals(
        "jobs that are watched: limit: 64 lists of a principal",
        Objects.requireNonNull(tooMany.getCause()).getMessage());
    assertTrue(watch("bob").next(32).listed());
    watch.close();
    assertTrue(watch("ann").next(32).listed());
  }

  @Test
  void allTogetherKeepSoManyChangesAndWhoFindsNoRoomIsToldAllAnew() {
    List<JobWatch> others = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      JobWatch other = watch("ann");
      assertTrue(other.next(32).listed());
      others.add(other);
      for (int j = 0; j < 8_192; j++) {
        other.changed(job(j), "ann");
      }
    }
    assertTrue(watch.next(32).listed());
    watch.changed(job(1), "ann");
    assertTrue(watch.next(32).reset());
    others.getFirst().close();
    watch.changed(job(1), "ann");
    assertEquals(List.of(job(1)), watch.next(32).gone());
  }

  @Test
  void whatCouldNotBeToldIsToldAnew() {
    assertTrue(watch.next(32).listed());
    watch.missed();
    assertEquals(1, wakes.get());
    assertTrue(watch.next(32).reset());
  }

  @Test
  void hearsOfNothingMoreWhenItIsClosed() {
    assertTrue(watch.next(32).listed());
    watch.close();
    assertFalse(watch.hasMore());
  }
}
