package dev.runnel.security.identity;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.importer.ClassFileImporter;
import dev.runnel.security.identity.Tokens.BadTokenFileException;
import dev.runnel.security.identity.Tokens.NewToken;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;

/** What stands in a token file, and what of it lets in. */
@NullMarked
class TokensTest {
  private static final String DIGEST = "0123456789abcdef".repeat(4);

  @Test
  void fileHoldsNoSecret() throws Exception {
    NewToken made = Tokens.create("ci");
    assertFalse(made.line().contains(made.secret()));
    Tokens tokens = Tokens.parse(List.of("# who", "", "  " + made.line() + " "));
    assertEquals("ci", name(tokens, made.secret()));
    assertNull(tokens.find(made.line().substring("ci ".length())));
    assertNull(tokens.find(""));
  }

  private static String name(Tokens tokens, String secret) {
    var token = tokens.find(secret);
    return token == null ? "" : token.principal();
  }

  @Test
  void nameMayHaveSeveralWhileOneIsReplaced() throws Exception {
    NewToken before = Tokens.create("ci");
    NewToken after = Tokens.create("ci");
    Tokens both = Tokens.parse(List.of(before.line(), after.line()));
    assertEquals("ci", name(both, before.secret()));
    assertEquals("ci", name(both, after.secret()));
    var shown = both.find(before.secret());
    assertNotNull(shown);
    assertTrue(both.contains(shown));
    assertFalse(Tokens.parse(List.of(after.line())).contains(shown));
  }

  @Test
  void digestThatBecomesAnothersIsNotTheTokenItWas() throws Exception {
    NewToken made = Tokens.create("ci");
    Tokens before = Tokens.parse(List.of(made.line()));
    Tokens after = Tokens.parse(List.of(made.line().replace("ci ", "root ")));
    var shown = before.find(made.secret());
    assertNotNull(shown);
    assertFalse(after.contains(shown));
  }

  @Test
  void expiresWhenItSays() throws Exception {
    Instant end = Instant.parse("2030-01-01T00:00:00Z");
    NewToken made = Tokens.create("ci", end);
    assertTrue(made.line().endsWith(" expires=2030-01-01T00:00:00Z"), made.line());
    var token = Tokens.parse(List.of(made.line())).find(made.secret());
    assertNotNull(token);
    assertFalse(token.isExpired(end.minusMillis(1)));
    assertTrue(token.isExpired(end));
  }

  @Test
  void mistakesNameTheLineAndQuoteNoSecret() {
    for (String name : List.of("anonymous", "bus", "local", "LOCAL")) {
      assertMistake(
          "line 1: the name (expected: none of anonymous, bus, local)", name + " " + DIGEST);
      assertThrows(IllegalArgumentException.class, () -> Tokens.create(name));
    }
    assertMistake("line 1: expected: NAME SHA256, or NAME SHA256 expires=TIME", "s3cret");
    assertMistake("line 1: expected: NAME SHA256, or NAME SHA256 expires=TIME", "a b c d");
    assertMistake("line 2: the SHA-256 (expected: 64 hexadecimal digits)", "", "s3cret-1 s3cret-2");
    String expected = "line 1: after the SHA-256 (expected: expires=2030-12-31T23:59:59Z)";
    assertMistake(expected, "a " + DIGEST + " expires=tomorrow");
    assertMistake(expected, "s3cret " + DIGEST + " until=2030-01-01T00:00:00Z");
    assertMistake("line 2: the token is there already", "a " + DIGEST, "b " + DIGEST);
    assertMistake("line 1: expected: NAME SHA256, or NAME SHA256 expires=TIME", "dns:x " + DIGEST);
  }

  private static void assertMistake(String message, String... lines) {
    Exception e = assertThrows(BadTokenFileException.class, () -> Tokens.parse(List.of(lines)));
    assertEquals(message, e.getMessage());
  }

  @Test
  void revokingTakesEveryTokenOfThatNameAndNoOther() {
    String a = "a " + DIGEST;
    String more = "ab " + DIGEST.replace('0', '1');
    List<String> lines = List.of("# a", a, more, " " + a.replace('0', '2'), "");
    assertEquals(List.of("# a", more, ""), Tokens.without(lines, "a"));
    assertThrows(IllegalArgumentException.class, () -> Tokens.without(lines, "b"));
  }

  // Times can't be measured here; that nothing else decides than a comparison of constant time can.
  @Test
  void secretIsOnlyComparedInConstantTime() {
    Set<String> called =
        new ClassFileImporter()
                .importClass(Tokens.class)
                .getMethod("find", String.class)
                .getMethodCallsFromSelf()
                .stream()
                .map(call -> call.getTargetOwner().getSimpleName() + "." + call.getName())
                .collect(Collectors.toSet());
    assertTrue(called.contains("MessageDigest.isEqual"), called::toString);
    called.removeAll(
        Set.of(
            "MessageDigest.isEqual",
            "Tokens.sha256",
            "Token.digest",
            "Map.values",
            "Collection.iterator",
            "Iterator.hasNext",
            "Iterator.next",
            "HexFormat.of",
            "HexFormat.parseHex"));
    assertEquals(Set.of(), called);
  }
}
