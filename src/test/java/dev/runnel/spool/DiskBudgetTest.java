package dev.runnel.spool;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class DiskBudgetTest {
  private final DiskBudget usage = new DiskBudget(800);

  @Test
  void whoHasMuchLeavesTheLastPartToOthers() {
    assertTrue(usage.tryAdd("alice", 700));
    assertEquals(0, usage.left("alice"));
    assertFalse(usage.tryAdd("alice", 1));
    assertEquals(100, usage.left("bob"));
    assertTrue(usage.tryAdd("bob", 60));
    assertEquals(40, usage.left("bob"));
    assertEquals(40, usage.left("carol"));
  }

  @Test
  void whoHasLittleMayHaveAllThatIsNotKept() {
    assertEquals(700, usage.left("alice"));
    assertTrue(usage.tryAdd("bob", 650));
    assertEquals(100, usage.left("alice"));
    usage.add("bob", -650);
    assertEquals(0, usage.used());
    assertEquals(700, usage.left("bob"));
  }

  @Test
  void whatHasToBeWrittenIsWrittenWhateverThereMayBe() {
    usage.add("alice", 900);
    assertEquals(0, usage.left("bob"));
    assertEquals(900, usage.used());
  }

  @Test
  void knowsWhoHasMore() {
    usage.add("alice", 200);
    usage.add("bob", 300);
    usage.add("carol", 100);
    assertEquals(List.of("bob", "alice"), usage.withMoreThan("carol"));
    assertEquals(List.of("bob"), usage.withMoreThan("alice"));
    assertEquals(List.of("bob", "alice", "carol"), usage.withMoreThan("dave"));
    assertEquals(List.of(), usage.withMoreThan("bob"));
  }
}
