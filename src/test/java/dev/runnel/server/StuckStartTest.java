package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.runnel.job.JobLimits;
import dev.runnel.job.LogMemory;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.JobId;
import dev.runnel.process.ProcessEngine;
import dev.runnel.process.ProcessListener;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;

/** Starts that hold up the worker that makes the process itself. */
class StuckStartTest {
  private static final int WORKERS = 2;

  /** Holds up whoever starts a job whose name begins with "stuck". */
  private static final class Sticky extends EngineBetween {
    private final AtomicInteger here;
    private final CountDownLatch stuck;

    private Sticky(ProcessEngine engine, AtomicInteger here, CountDownLatch stuck) {
      super(engine);
      this.here = here;
      this.stuck = stuck;
    }

    @Override
    public void start(
        JobId job, CommandSpec command, BooleanSupplier claim, ProcessListener listener) {
      engine.start(job, command, claim, listener);
    }

    @Override
    public void startHere(
        JobId job, CommandSpec command, BooleanSupplier claim, ProcessListener listener) {
      here.incrementAndGet();
      if (job.value().startsWith("stuck")) {
        await();
      }
      engine.startHere(job, command, claim, listener);
    }

    private void await() {
      try {
        stuck.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  @Test
  void holdUpNoOther() throws Exception {
    AtomicInteger here = new AtomicInteger();
    CountDownLatch stuck = new CountDownLatch(1);
    try (TestNode node = node(here, stuck);
        RawClient client = node.connect()) {
      for (int i = 1; i <= WORKERS; i++) {
        int before = here.get();
        client.send("'id':'stuck-" + i + "','job':'stuck-" + i + "'", "echo " + i);
        Until.holds("a worker that is stuck", () -> here.get() == before + 1);
      }
      for (int i = 0; i < 20; i++) {
        client.send("'id':'c" + i + "'", "echo on");
        assertEquals("on\n", client.finish("c" + i).out());
      }
      assertEquals(WORKERS, here.get());
      stuck.countDown();
      for (int i = 1; i <= WORKERS; i++) {
        assertEquals(i + "\n", client.finish("stuck-" + i).out());
      }
      Until.holds("workers that are free again", () -> isMadeByAWorker(client, here));
    }
  }

  private static boolean isMadeByAWorker(RawClient client, AtomicInteger here) throws Exception {
    int before = here.get();
    client.send("'id':'again'", "true");
    assertEquals("exited", client.finish("again").outcome());
    return here.get() > before;
  }

  private static TestNode node(AtomicInteger here, CountDownLatch stuck) {
    return new TestNode(
        ServerLimits.DEFAULT,
        JobLimits.DEFAULT,
        new LogMemory(256L << 20, 1_000),
        new Authentication.Open("anonymous"),
        engine -> new Sticky(engine, here, stuck));
  }
}
