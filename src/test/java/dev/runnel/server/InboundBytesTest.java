package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class InboundBytesTest {
  private final InboundBytes memory = new InboundBytes(1_000);
  private final List<String> givenUp = new ArrayList<>();

  private InboundBytes.Hold hold(String name) {
    return memory.new Hold(() -> givenUp.add(name));
  }

  @Test
  void givesUpTheOldestOfThePrincipalThatHoldsMost() {
    InboundBytes.Hold small = hold("small");
    assertTrue(small.set("alice", "a", 200));
    for (int i = 0; i < 4; i++) {
      assertTrue(hold("bob " + i).set("bob", "b", 200));
    }
    assertEquals(List.of(), givenUp);
    assertTrue(small.set("alice", "a", 400));
    assertEquals(List.of("bob 0"), givenUp);
    assertEquals(1_000, memory.heldBytes());
  }

  @Test
  void givesUpTheOldestOfTheSourceThatHoldsMost() {
    assertTrue(hold("near").set("", "near", 300));
    assertTrue(hold("far 0").set("", "far", 300));
    assertTrue(hold("far 1").set("", "far", 300));
    assertTrue(hold("other").set("", "near", 200));
    assertEquals(List.of("far 0"), givenUp);
  }

  @Test
  void takesNoFrameForOldThatBeganAfterAnother() {
    InboundBytes.Hold busy = hold("busy");
    assertTrue(busy.set("", "s", 400));
    assertTrue(hold("idle").set("", "s", 400));
    busy.renew();
    assertTrue(busy.set("", "s", 400));
    assertTrue(busy.set("", "s", 700));
    assertEquals(List.of("idle"), givenUp);
  }

  @Test
  void oneThatAloneHoldsTooMuchIsToldSo() {
    InboundBytes.Hold alone = hold("alone");
    assertFalse(alone.set("", "s", 1_001));
    assertEquals(List.of(), givenUp);
    alone.release();
    assertTrue(hold("next").set("", "s", 1_000));
  }

  @Test
  void countsWhatWasGivenUpUntilItIsGivenBack() {
    List<InboundBytes.Hold> holds = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      InboundBytes.Hold hold = hold("" + i);
      assertTrue(hold.set("", "s", 100));
      holds.add(hold);
    }
    // None of the ten that were told to end has ended yet.
    assertEquals(10, givenUp.size());
    assertFalse(hold("late").set("", "s", 100));
    holds.forEach(InboundBytes.Hold::release);
    assertTrue(hold("later").set("", "s", 1_000));
  }

  @Test
  void staysWithinItsLimitWhateverComesAndGoes() {
    Random random = new Random(7);
    Map<Integer, InboundBytes.Hold> holds = new HashMap<>();
    Map<Integer, Boolean> over = new HashMap<>();
    for (int i = 0; i < 200_000; i++) {
      int who = random.nextInt(50);
      InboundBytes.Hold hold =
          holds.computeIfAbsent(who, _ -> memory.new Hold(() -> over.put(who, true)));
      if (random.nextInt(4) == 0) {
        hold.renew();
      }
      boolean stays = hold.set("p" + who % 3, "s" + who % 7, random.nextInt(300));
      assertTrue(memory.heldBytes() <= memory.limitBytes());
      if (!stays || over.containsKey(who)) {
        hold.release();
        holds.remove(who);
        over.remove(who);
      }
    }
    holds.values().forEach(InboundBytes.Hold::release);
    assertEquals(0, memory.heldBytes());
  }
}
