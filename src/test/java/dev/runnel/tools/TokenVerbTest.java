package dev.runnel.tools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.Tool;
import dev.runnel.cli.Client;
import dev.runnel.security.identity.Tokens;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tokens as their operator makes them, and takes them back. */
@NullMarked
class TokenVerbTest {
  @TempDir Path folder = Path.of("");

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  private int run(String... arguments) {
    out.reset();
    err.reset();
    return Client.run(TokenVerb.DEFINITION, out, err, with(arguments));
  }

  private static String[] with(String... words) {
    List<String> all = new ArrayList<>(List.of(words));
    all.addFirst("token");
    return all.toArray(String[]::new);
  }

  private String out() {
    return out.toString(StandardCharsets.UTF_8).strip();
  }

  private String err() {
    return err.toString(StandardCharsets.UTF_8).strip();
  }

  private Tokens.Token made() throws Exception {
    var token = Tokens.parse(List.of(err())).find(out());
    assertNotNull(token);
    return token;
  }

  @Test
  void printsTheSecretAndTheLineByWhichAServerKnowsIt() throws Exception {
    assertEquals(0, run("new", "ci"));
    assertEquals("ci", made().principal());
    assertFalse(err().contains(out()));
    assertFalse(made().isExpired(Instant.MAX));
  }

  @Test
  void expiresAfterATimeOrAtOne() throws Exception {
    assertEquals(0, run("new", "ci", "--expires", "90d"));
    Instant now = Instant.now();
    assertFalse(made().isExpired(now.plus(Duration.ofDays(89))));
    assertTrue(made().isExpired(now.plus(Duration.ofDays(91))));
    assertEquals(0, run("new", "ci", "--expires", "2999-12-31"));
    assertTrue(err().endsWith(" expires=3000-01-01T00:00:00Z"), err());
    assertEquals(0, run("new", "ci", "--expires", "2999-12-31T12:30:00Z"));
    assertTrue(err().endsWith(" expires=2999-12-31T12:30:00Z"), err());
  }

  @Test
  void saysWhatIsWrong() {
    assertEquals(2, run("new", "ci", "--expires", "soon"));
    assertTrue(err().contains("--expires soon: (expected: 90d, 12h,"), err());
    assertEquals(2, run("new", "ci", "--expires", "2020-01-01"));
    assertTrue(err().contains("it is past"), err());
    assertEquals(2, run("new", "dns:ci"));
    assertEquals(2, run("new"));
    assertEquals(2, run());
    assertEquals(1, run("revoke", "ci", folder + "/none"));
    assertTrue(err().contains("none: no such file"), err());
  }

  @Test
  void revokingTakesALineOutAndLeavesTheFileAsReadableAsItWas() throws Exception {
    Tokens.NewToken ci = Tokens.create("ci");
    Tokens.NewToken bot = Tokens.create("bot");
    Path file = Files.writeString(folder.resolve("tokens"), ci.line() + "\n" + bot.line() + "\n");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r-----"));
    assertEquals(0, run("revoke", "ci", "" + file), err());
    assertEquals(List.of(bot.line()), Files.readAllLines(file));
    assertEquals("rw-r-----", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
    // Not wrong usage: no word on how it is used.
    assertEquals(1, run("revoke", "ci", "" + file));
    assertEquals("runnel token: " + file + ": no token of ci", err());
    try (var files = Files.list(folder)) {
      assertEquals(1, files.count());
    }
  }

  @Test
  @Tag("root")
  void revokingLeavesTheFileToItsOwner() throws Exception {
    Tool.requireRoot("TokenVerbTest.revokingLeavesTheFileToItsOwner");
    Path file = Files.writeString(folder.resolve("tokens"), Tokens.create("ci").line() + "\n");
    Files.setAttribute(file, "unix:uid", 54321);
    Files.setAttribute(file, "unix:gid", 54322);
    assertEquals(0, run("revoke", "ci", "" + file), err());
    assertEquals(54321, Files.getAttribute(file, "unix:uid"));
    assertEquals(54322, Files.getAttribute(file, "unix:gid"));
  }

  @Test
  void writesTheSecretForItsOwnerAndAddsTheLine() throws Exception {
    Path secret = folder.resolve("ci.secret");
    Path tokens = Files.writeString(folder.resolve("tokens"), Tokens.create("bot").line());
    assertEquals(0, run("new", "--out", "" + secret, "ci", "--tokens=" + tokens), err());
    assertEquals("", out() + err());
    assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(secret)));
    Tokens both = Tokens.parse(Files.readAllLines(tokens));
    assertEquals(2, both.size());
    Tokens.Token found = both.find(Files.readString(secret).strip());
    assertNotNull(found);
    assertEquals("ci", found.principal());
    assertEquals(0, run("list", "" + tokens), err());
    assertTrue(out().matches("bot  \\w{8}  never expires\nci  \\w{8}  never expires"), out());
  }

  @Test
  void aTokenFileThatIsMadeIsItsOwnersOnly() throws Exception {
    Path tokens = folder.resolve("tokens");
    assertEquals(0, run("new", "ci", "--tokens", "" + tokens), err());
    assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(tokens)));
    assertNotNull(Tokens.parse(Files.readAllLines(tokens)).find(out()));
  }

  @Test
  void overwritesNoSecretAndLeavesNoneWithoutItsLine() throws Exception {
    Path secret = Files.writeString(folder.resolve("ci.secret"), "mine");
    Path tokens = folder.resolve("tokens");
    assertEquals(1, run("new", "ci", "--out", "" + secret, "--tokens", "" + tokens));
    assertTrue(err().endsWith("ci.secret: exists already (expected: a new file)"), err());
    assertEquals("mine", Files.readString(secret));
    assertFalse(Files.exists(tokens));
    Files.writeString(tokens, "Picked up JAVA_TOOL_OPTIONS: -Dx=y\n");
    Path other = folder.resolve("other.secret");
    assertEquals(1, run("new", "ci", "--out", "" + other, "--tokens", "" + tokens));
    assertTrue(err().contains("tokens: line 1: "), err());
    assertFalse(Files.exists(other));
  }

  @Test
  void severalAtOnceLoseNoLine() throws Exception {
    Path tokens = folder.resolve("tokens");
    List<Process> all = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      all.add(
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-XX:TieredStopAtLevel=1",
                  "-cp",
                  System.getProperty("java.class.path"),
                  Adding.class.getName(),
                  "c" + i,
                  "" + tokens)
              .redirectOutput(folder.resolve("s" + i).toFile())
              .redirectErrorStream(true)
              .start());
    }
    for (Process one : all) {
      assertEquals(0, one.waitFor());
    }
    Tokens made = Tokens.parse(Files.readAllLines(tokens));
    for (int i = 0; i < 4; i++) {
      List<String> secrets = Files.readAllLines(folder.resolve("s" + i));
      assertEquals(Adding.COUNT, secrets.size());
      for (String secret : secrets) {
        Tokens.Token found = made.find(secret);
        assertNotNull(found);
        assertEquals("c" + i, found.principal());
      }
    }
  }

  /** Adds tokens of a name to a file, one after the other, each fifth time taking another out. */
  static final class Adding {
    static final int COUNT = 100;

    private Adding() {}

    public static void main(String[] args) {
      for (int i = 0; i < COUNT; i++) {
        String passing = args[0] + "-passing";
        if (i % 5 == 0) {
          done("new", passing, "--out", args[1] + "-" + passing + i, "--tokens", args[1]);
          done("revoke", passing, args[1]);
        }
        done("new", args[0], "--tokens", args[1]);
      }
    }

    private static void done(String... words) {
      int code = Client.run(TokenVerb.DEFINITION, System.out, System.err, with(words));
      if (code != 0) {
        System.exit(code);
      }
    }
  }
}
