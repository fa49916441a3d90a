package dev.runnel.security.quota;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.Caller;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.JobSpec;
import dev.runnel.security.policy.Authorization;
import dev.runnel.security.quota.Quotas.Bounds;
import dev.runnel.security.quota.Quotas.OverQuotaException;
import dev.runnel.security.quota.Quotas.Share;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** Going over every quota, and what is left of it afterwards. */
class QuotasTest {
  private static final Authorization GRANT =
      new Authorization(null, JobSpec.of(CommandSpec.of("true")).withRetain(1_000));

  private long now;

  private Quotas quotas(Bounds ofPrincipal, Bounds ofSource) {
    return new Quotas(ofPrincipal, ofSource, () -> now);
  }

  private static Caller caller(String principal, String source) {
    return new Caller(principal, source, Caller.Via.TCP);
  }

  private static String over(Quotas quotas, String principal, String source) {
    return String.valueOf(
        assertThrows(
                OverQuotaException.class, () -> quotas.takeStart(caller(principal, source), GRANT))
            .getMessage());
  }

  @Test
  void jobsAtOnceOfAPrincipalAreLimitedAndOthersAreNot() throws Exception {
    Quotas quotas = quotas(new Bounds(2, 0, 0, 0), Bounds.NONE);
    Share first = quotas.takeStart(caller("a", "1"), GRANT);
    quotas.takeStart(caller("a", "2"), GRANT);
    assertEquals("jobs of principal a: 3 (limit: 2)", over(quotas, "a", "3"));
    quotas.takeStart(caller("b", "1"), GRANT);
    first.giveBack();
    first.giveBack();
    quotas.takeStart(caller("a", "1"), GRANT);
    assertEquals("jobs of principal a: 3 (limit: 2)", over(quotas, "a", "1"));
  }

  @Test
  void sourceIsLimitedWhoeverComesFromIt() throws Exception {
    Quotas quotas = quotas(Bounds.NONE, new Bounds(1, 0, 0, 0));
    quotas.takeStart(caller("a", "2001:db8:1:2:3:4:5:6"), GRANT);
    assertEquals(
        "jobs of source 20010db800010002::/64: 2 (limit: 1)",
        over(quotas, "b", "2001:db8:1:2:ffff:0:0:1"));
    quotas.takeStart(caller("b", "2001:db8:1:3:3:4:5:6"), GRANT);
  }

  @Test
  void startsPerMinuteComeBackWithTime() throws Exception {
    Quotas quotas = quotas(new Bounds(0, 3, 0, 0), Bounds.NONE);
    for (int i = 0; i < 3; i++) {
      quotas.takeStart(caller("a", "1"), GRANT).giveBack();
    }
    String over = "starts per minute of principal a: 4 (limit: 3)";
    assertEquals(over, over(quotas, "a", "1"));
    now += Duration.ofSeconds(20).toNanos();
    quotas.takeStart(caller("a", "1"), GRANT).giveBack();
    assertEquals(over, over(quotas, "a", "1"));
    now += Duration.ofHours(1).toNanos();
    for (int i = 0; i < 3; i++) {
      quotas.takeStart(caller("a", "1"), GRANT).giveBack();
    }
    over(quotas, "a", "1");
  }

  @Test
  void retainOfAllJobsIsLimited() throws Exception {
    Quotas quotas = quotas(new Bounds(0, 0, 2_500, 0), Bounds.NONE);
    quotas.takeStart(caller("a", "1"), GRANT);
    quotas.takeStart(caller("a", "1"), GRANT);
    assertEquals("retain of all jobs of principal a: 3000 (limit: 2500)", over(quotas, "a", "1"));
  }

  @Test
  void connectionsAreLimited() throws Exception {
    Quotas quotas = quotas(new Bounds(0, 0, 0, 1), Bounds.NONE);
    Share one = quotas.takeConnection(caller("a", "1"));
    OverQuotaException over =
        assertThrows(OverQuotaException.class, () -> quotas.takeConnection(caller("a", "2")));
    assertEquals("connections of principal a: 2 (limit: 1)", over.getMessage());
    one.giveBack();
    quotas.takeConnection(caller("a", "2"));
  }

  @Test
  void whoeverIsRefusedByOneHasTakenNothingOfTheOther() throws Exception {
    Quotas quotas = quotas(new Bounds(2, 0, 0, 0), new Bounds(1, 0, 0, 0));
    quotas.takeStart(caller("a", "1"), GRANT);
    for (int i = 0; i < 5; i++) {
      assertTrue(over(quotas, "a", "1").startsWith("jobs of source 0.0.0.1"));
    }
    quotas.takeStart(caller("a", "2"), GRANT);
  }

  @Test
  void whoeverIsRefusedByOneHasItsStartsLeftByTheOther() throws Exception {
    Quotas quotas = quotas(new Bounds(0, 2, 0, 0), new Bounds(1, 0, 0, 0));
    quotas.takeStart(caller("a", "1"), GRANT);
    for (int i = 0; i < 5; i++) {
      assertTrue(over(quotas, "a", "1").startsWith("jobs of source 0.0.0.1"));
    }
    quotas.takeStart(caller("a", "2"), GRANT);
    assertEquals("starts per minute of principal a: 3 (limit: 2)", over(quotas, "a", "3"));
  }

  @Test
  void nothingIsKeptOfThoseWhoAreGone() throws Exception {
    Quotas quotas = quotas(new Bounds(9, 9, 0, 0), Bounds.NONE);
    for (int i = 0; i < 1_000; i++) {
      quotas.takeStart(caller("p" + i, "1"), GRANT).giveBack();
    }
    now += Duration.ofMinutes(2).toNanos();
    quotas.takeStart(caller("last", "1"), GRANT);
    assertEquals(1, quotas.known());
  }

  @Test
  void manyThreadsNeverTakeMoreThanThereIs() throws Exception {
    Quotas quotas = quotas(new Bounds(10, 0, 0, 0), new Bounds(7, 0, 0, 0));
    CountDownLatch begin = new CountDownLatch(1);
    try (var threads = Executors.newFixedThreadPool(8)) {
      List<Future<Integer>> taken = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        taken.add(threads.submit(() -> takeAndGiveBack(quotas, begin)));
      }
      begin.countDown();
      for (Future<Integer> most : taken) {
        assertTrue(most.get() > 0);
      }
    }
    for (int i = 0; i < 7; i++) {
      quotas.takeStart(caller("a", "1"), GRANT);
    }
    assertEquals("jobs of source 0.0.0.1: 8 (limit: 7)", over(quotas, "a", "1"));
  }

  private static int takeAndGiveBack(Quotas quotas, CountDownLatch begin) throws Exception {
    begin.await();
    int taken = 0;
    for (int i = 0; i < 20_000; i++) {
      try {
        quotas.takeStart(caller("a", "1"), GRANT).giveBack();
        taken++;
      } catch (OverQuotaException _) {
        // As it should be: the others have them.
      }
    }
    return taken;
  }
}
