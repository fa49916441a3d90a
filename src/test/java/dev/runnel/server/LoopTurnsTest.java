package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class LoopTurnsTest {
  private final FairTurns turns = new FairTurns();
  private final ArrayDeque<Runnable> loop = new ArrayDeque<>();
  private final List<String> served = new ArrayList<>();
  private @Nullable Error failure;

  private final class One implements FairTurns.Taker {
    private final String whose;
    private final String name;

    One(String whose, String name) {
      this.whose = whose;
      this.name = name;
    }

    @Override
    public String whose() {
      return whose;
    }

    @Override
    public void takeTurn() {
      served.add(name);
    }

    @Override
    public void afterReading(Runnable task) {
      if (failure != null) {
        throw failure;
      }
      loop.add(task);
    }

    @Override
    public void broken(Throwable why) {
      served.add(name + " broken");
    }
  }

  private void await(String whose, String name) {
    turns.await(new One(whose, name));
  }

  private void runAll() {
    while (!loop.isEmpty()) {
      assertEquals(1, loop.size());
      loop.remove().run();
    }
  }

  @Test
  void areTakenByOneAfterTheOther() {
    for (int i = 0; i < 3; i++) {
      await("alice", "a" + i);
    }
    await("bob", "b0");
    await("carol", "c0");
    await("bob", "b1");
    runAll();
    assertEquals(List.of("a0", "b0", "c0", "a1", "b1", "a2"), served);
    assertTrue(turns.isNow("alice"));
  }

  @Test
  void whoWaitsOrHadMuchWaitsAndNobodyElse() {
    turns.count("bob", 50_000_000);
    assertFalse(turns.isNow("bob"));
    assertTrue(turns.isNow("alice"));
    await("alice", "a0");
    assertFalse(turns.isNow("alice"));
    assertTrue(turns.isNow("carol"));
    runAll();
  }

  @Test
  void whoWouldGetNoneIsToldSoAndOthersGetTheirsLater() {
    await("alice", "a0");
    await("alice", "a1");
    await("bob", "b0");
    failure = new OutOfMemoryError("tried");
    loop.remove().run();
    assertEquals(List.of("b0 broken", "a1 broken", "a0"), served);
    served.clear();
    await("alice", "a2");
    assertEquals(List.of("a2 broken", "a2 broken"), served);
    failure = null;
    served.clear();
    await("alice", "a3");
    runAll();
    assertEquals(List.of("a3"), served);
  }
}
