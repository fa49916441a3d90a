package dev.runnel.tools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.cli.Client;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code runnel policy} says and with which code it ends. */
@SuppressWarnings("NullAway.Init") // The folder is there before any test.
class PolicyVerbTest {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();
  @TempDir private Path folder;
  private Path file = Path.of("");

  @BeforeEach
  void write() throws Exception {
    file =
        Files.writeString(
            folder.resolve("policy.yaml"),
            """
            rules:
              - name: watching
                principals: [eye]
                observe: all
              - name: fetching
                principals: [ci]
                commands: [[git, fetch, "*"]]
                env: [LANG]
                cwd: [%s]
              - name: rest
                principals: ["*"]
                commands: [["true"]]
            """
                .formatted(folder));
  }

  private int run(String... words) {
    List<String> all = new ArrayList<>(List.of("policy", "check", file.toString()));
    all.addAll(List.of(words));
    return Client.run(PolicyVerb.DEFINITION, out, err, all.toArray(String[]::new));
  }

  private String out() {
    return out.toString(StandardCharsets.UTF_8);
  }

  @Test
  void allowedCommandIsExplainedRuleByRule() throws Exception {
    assertEquals(0, run("--as", "ci", "--env", "LANG", "--", "git", "fetch", "origin"));
    assertEquals(
        """
        rule watching: is about other principals
        rule fetching: allows it
        allowed: git fetch origin
          in %s
        """
            .formatted(folder.toRealPath()),
        out());
  }

  @Test
  void forbiddenCommandIsExplainedAndEndsWithOne() {
    assertEquals(1, run("--as", "ci", "--env", "LD_PRELOAD", "--", "git", "fetch", "origin"));
    assertEquals(
        """
        rule watching: is about other principals
        rule fetching: forbids it: env: LD_PRELOAD (expected: LANG)
        forbidden: rule fetching: env: LD_PRELOAD (expected: LANG)
        """,
        out());
  }

  @Test
  void commandOfNoRuleIsForbidden() {
    assertEquals(1, run("--as", "eye", "-c", "true"));
    assertTrue(out().endsWith("no rule of the policy lets eye run this command\n"), out());
    assertTrue(out().contains("rule rest: is about other commands\n"), out());
  }

  @Test
  void folderOutsideIsForbiddenAsTheServerWould() {
    assertEquals(1, run("--as", "ci", "--cwd", "/", "--", "git", "fetch", "x"));
    assertTrue(out().contains("forbidden: rule fetching: cwd: / "), out());
  }

  @Test
  void wrongUsageAndBrokenPoliciesEndWithTwo() throws Exception {
    assertEquals(2, run("--", "true"));
    assertEquals(2, run("--as", "ci"));
    assertEquals(2, run("--as"));
    assertEquals(2, run("--nonesuch", "x", "--", "true"));
    assertEquals(2, run("--as", "ci", "-c", "true", "--", "true"));
    assertTrue(
        err.toString(StandardCharsets.UTF_8)
            .endsWith("runnel: both -c and a command (see runnel policy --help)\n"));
    // Options may be joined to their values, and stand anywhere, as with the other verbs.
    assertEquals(1, run("-ctrue", "--as=ci"));
    Files.writeString(file, "rules:\n- nome: x\n");
    err.reset();
    assertEquals(2, run("--as", "ci", "--", "true"));
    String told = err.toString(StandardCharsets.UTF_8);
    assertTrue(told.contains("policy.yaml:2: rules.nome: unknown key"), told);
  }
}
