package dev.runnel.settings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.Caller;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.JobSpec;
import dev.runnel.security.identity.Tokens;
import dev.runnel.security.policy.ForbiddenException;
import dev.runnel.security.policy.Policy;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;

/**
 * What holds for every text that an operator's file may have: it is read, or refused with a line
 * that is in it and words without a line break, and nothing else happens.
 */
final class FileParsers {
  private static final List<String> PRINCIPALS = List.of("ci", "ops", "", "*", "@builders");

  /** Every one there is: so none can have a word of the file in it. */
  private static final Set<String> TOKEN_MISTAKES =
      Set.of(
          "expected: NAME SHA256, or NAME SHA256 expires=TIME",
          "the SHA-256 (expected: 64 hexadecimal digits)",
          "after the SHA-256 (expected: expires=2030-12-31T23:59:59Z)",
          "the name (expected: none of anonymous, bus, local)",
          "the token is there already");

  private FileParsers() {}

  /** A policy that is read decides on everything without failing. */
  static void checkPolicy(String text) {
    Policy policy;
    try {
      policy = PolicyFile.parse(text);
    } catch (YamlNode.WrongException e) {
      checkMistake(text, e.line(), String.valueOf(e.getMessage()));
      return;
    }
    for (String principal : PRINCIPALS) {
      Caller caller = new Caller(principal, "192.0.2.1", Caller.Via.TCP);
      checkDecision(policy, caller, JobSpec.of(CommandSpec.of("git", "fetch", "x")));
      checkDecision(policy, caller, JobSpec.of(CommandSpec.of("/bin/sh", "-c", "id")));
      var _ = policy.observe(principal);
      var _ = policy.control(principal);
    }
  }

  private static void checkDecision(Policy policy, Caller caller, JobSpec spec) {
    List<Policy.Step> steps = policy.explain(caller, spec);
    try {
      String allowing = policy.judge(caller, spec).ruleName();
      assertEquals(steps.getLast().rule().name(), allowing);
    } catch (ForbiddenException e) {
      assertFalse(e.getMessage().isEmpty());
    }
  }

  /** A file of settings. */
  static void checkSettings(String text) {
    try {
      var _ = ConfigFile.parse(Path.of("file"), text);
    } catch (SettingsException e) {
      String message = String.valueOf(e.getMessage());
      assertTrue(message.startsWith("file"), message);
    }
  }

  /** A file of tokens, of which nothing may be shown: it may be a secret in the wrong place. */
  static void checkTokens(String text) {
    try {
      Tokens tokens = Tokens.parse(text.lines().toList());
      assertNull(tokens.find("never"));
    } catch (Tokens.BadTokenFileException e) {
      String message = String.valueOf(e.getMessage());
      assertTrue(TOKEN_MISTAKES.contains(message.replaceFirst("^line [0-9]+: ", "")), message);
    }
  }

  private static void checkMistake(String text, int line, String message) {
    assertTrue(
        line >= 0 && line <= text.split("\\R|[\u0085\u2028\u2029]", -1).length + 1, "line " + line);
    assertFalse(message.isEmpty());
  }
}
