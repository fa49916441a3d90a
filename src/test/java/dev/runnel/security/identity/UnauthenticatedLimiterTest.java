package dev.runnel.security.identity;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.Random;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;

/** How many peers may be unknown at once, and who has to stay away. */
@NullMarked
class UnauthenticatedLimiterTest {
  private static final Duration MINUTE = Duration.ofMinutes(1);

  private long now = Long.MAX_VALUE - 5_000_000_000L;
  private double chance;

  private UnauthenticatedLimiter strangers(int full, Duration maxPenalty) {
    return new UnauthenticatedLimiter(
        UnauthenticatedLimiter.Limits.of(full, Duration.ofSeconds(10), maxPenalty, CidrList.NONE),
        () -> now,
        () -> chance);
  }

  private void pass(int seconds) {
    now += seconds * 1_000_000_000L;
  }

  private static String from(int number) {
    return "10.0." + number / 250 + "." + number % 250;
  }

  @Test
  void neverMoreThanTheLimitWhateverTheChance() {
    UnauthenticatedLimiter strangers = strangers(100, MINUTE);
    chance = 1;
    for (int i = 0; i < 100; i++) {
      assertNull(strangers.enter(from(i)));
    }
    for (int i = 100; i < 5_000; i++) {
      assertEquals("connections not known yet: limit: 100", strangers.enter(from(i)));
    }
    assertEquals(100, strangers.count());
    strangers.leave(from(7));
    assertNull(strangers.enter(from(101)));
  }

  @Test
  void moreAreTurnedAwayTheMoreThereAre() {
    UnauthenticatedLimiter strangers = strangers(100, MINUTE);
    chance = 0;
    for (int i = 0; i < 10; i++) {
      assertNull(strangers.enter(from(i)));
    }
    // From a tenth on three in ten are, at the end all.
    assertNotNull(strangers.enter(from(10)));
    chance = 0.31;
    assertNull(strangers.enter(from(10)));
    for (int i = 11; i < 55; i++) {
      chance = 1;
      assertNull(strangers.enter(from(i)));
    }
    chance = 0.6;
    assertNotNull(strangers.enter(from(56)));
    chance = 0.7;
    assertNull(strangers.enter(from(56)));
  }

  @Test
  void oneSourceHasAQuarterAtMost() {
    UnauthenticatedLimiter strangers = strangers(100, MINUTE);
    chance = 1;
    for (int i = 0; i < 25; i++) {
      assertNull(strangers.enter("10.0.0.1"));
    }
    assertEquals(
        "connections not known yet, of one source: limit: 25", strangers.enter("10.0.0.1"));
    assertNull(strangers.enter("10.0.0.2"));
    strangers.leave("10.0.0.1");
    assertNull(strangers.enter("10.0.0.1"));
  }

  @Test
  void failuresAreToldLaterAndLaterAndThenTheSourceStaysAway() {
    UnauthenticatedLimiter strangers = strangers(100, MINUTE);
    assertEquals(Duration.ofMillis(100), strangers.failed("a"));
    assertEquals(Duration.ofMillis(200), strangers.failed("a"));
    assertEquals(Duration.ofMillis(400), strangers.failed("a"));
    assertNull(strangers.enter("a"));
    assertFalse(look(strangers, "a", 1).isBraked());
    assertEquals(Duration.ofMillis(800), strangers.failed("a"));
    assertTrue(look(strangers, "a", 1).isBraked());
    assertEquals(Duration.ofSeconds(20), strangers.penalty("a"));
    assertFalse(look(strangers, "b", 1).isBraked());
    pass(4);
    assertTrue(look(strangers, "a", 1).isBraked());
    pass(2);
    assertFalse(look(strangers, "a", 1).isBraked());
  }

  private static UnauthenticatedLimiter.Look look(
      UnauthenticatedLimiter strangers, String source, int token) {
    byte[] digest = new byte[32];
    digest[7] = (byte) token;
    digest[6] = (byte) (token >> 8);
    return strangers.look(source, digest);
  }

  /** Whatever comes, and however often: as often as one could fail that waits failures off. */
  @Test
  void guessesOfABrakedSourceAreOneInTheTimeThatAFailureCosts() {
    UnauthenticatedLimiter strangers = strangers(100, MINUTE);
    Random random = new Random(7);
    for (int i = 0; i < 4; i++) {
      var _ = strangers.failed("a");
    }
    int looks = 0;
    for (int token = 1; token < 6_000; token++) {
      UnauthenticatedLimiter.Look look = look(strangers, "a", token);
      assertTrue(look.isBraked(), "forgiven");
      assertTrue(look.isGuess(), "a token that was never seen");
      if (look.refusal() == null) {
        assertTrue(look.after().compareTo(Duration.ofSeconds(5)) <= 0, look.toString());
        looks++;
        var _ = strangers.failed("a");
      }
      now += random.nextLong(100_000_000);
    }
    // Some 300 seconds went by.
    assertTrue(looks >= 50 && looks <= 62, "looks: " + looks);
  }

  @Test
  void tokensThatWereSeenAreNoGuesses() {
    UnauthenticatedLimiter strangers = strangers(100, MINUTE);
    for (int i = 0; i < 12; i++) {
      var _ = strangers.failed("a");
    }
    assertEquals(Duration.ofSeconds(5), look(strangers, "a", 1).after());
    for (int i = 0; i < 1_000; i++) {
      UnauthenticatedLimiter.Look again = look(strangers, "a", 1);
      assertEquals(new UnauthenticatedLimiter.Look(Duration.ZERO, null, true, false), again);
    }
    // They cost nothing: the next one waits for the first only.
    pass(5);
    assertEquals(Duration.ofSeconds(5), look(strangers, "a", 2).after());
    // One waits at a time.
    UnauthenticatedLimiter.Look late = look(strangers, "a", 3);
    assertEquals("too many failures: try again in 11 s", late.refusal());
    assertEquals(Duration.ofSeconds(10), late.after());
    // Only some are remembered.
    for (int token = 10; token < 18; token++) {
      pass(10);
      var _ = strangers.failed("a");
      var _ = strangers.failed("a");
      assertNull(look(strangers, "a", token).refusal());
    }
    assertTrue(look(strangers, "a", 1).isGuess());
    assertFalse(look(strangers, "a", 17).isGuess());
  }

  @Test
  void aBrakedSourceHasFewPlaces() {
    UnauthenticatedLimiter strangers = strangers(1_000, MINUTE);
    for (int i = 0; i < 4; i++) {
      var _ = strangers.failed("a");
    }
    for (int i = 0; i < 32; i++) {
      assertNull(strangers.enter("a"));
    }
    assertEquals("connections not known yet, of one source: limit: 32", strangers.enter("a"));
    assertNull(strangers.enter("b"));
  }

  @Test
  void penaltiesEndAtTheirLimitAndAreForgotten() {
    UnauthenticatedLimiter strangers = strangers(100, MINUTE);
    for (int i = 0; i < 1_000; i++) {
      assertTrue(strangers.failed("a").compareTo(Duration.ofSeconds(2)) < 0);
    }
    assertEquals(MINUTE, strangers.penalty("a"));
    pass(60);
    assertFalse(look(strangers, "a", 1).isBraked());
    assertEquals(Duration.ofMillis(100), strangers.failed("a"));
  }

  @Test
  void dawdlingTwiceIsEnough() {
    UnauthenticatedLimiter strangers = strangers(100, MINUTE);
    strangers.dawdled("a");
    assertFalse(look(strangers, "a", 1).isBraked());
    strangers.dawdled("a");
    assertTrue(look(strangers, "a", 1).isBraked());
  }

  @Test
  void penaltiesCanBeSwitchedOff() {
    UnauthenticatedLimiter strangers = strangers(100, Duration.ZERO);
    for (int i = 0; i < 100; i++) {
      strangers.dawdled("a");
      assertEquals(Duration.ofMillis(100), strangers.failed("a"));
    }
    assertNull(strangers.enter("a"));
  }

  @Test
  void tableOfPenaltiesIsBounded() {
    UnauthenticatedLimiter strangers = strangers(100, MINUTE);
    for (int i = 0; i < 50_000; i++) {
      strangers.dawdled("source-" + i);
    }
    assertEquals(16_384, strangers.sources());
    pass(11);
    strangers.dawdled("one more");
    assertEquals(1, strangers.sources());
  }

  @Test
  void networkOfIpv6AddressesIsOneSource() {
    assertEquals(SourceAddress.of("2001:db8::1"), SourceAddress.of("2001:db8:0:0:ffff::2"));
    assertTrue(!SourceAddress.of("2001:db8::1").equals(SourceAddress.of("2001:db8:0:1::1")));
    assertEquals("192.0.2.7", SourceAddress.of("192.0.2.7"));
    assertEquals(SourceAddress.of("192.0.2.7"), SourceAddress.of("::ffff:192.0.2.7"));
  }
}
