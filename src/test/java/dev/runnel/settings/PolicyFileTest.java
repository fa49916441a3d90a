package dev.runnel.settings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.Argument;
import dev.runnel.model.Caller;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.JobSpec;
import dev.runnel.model.Retention;
import dev.runnel.model.Secrets;
import dev.runnel.security.policy.ForbiddenException;
import dev.runnel.security.policy.JobScope;
import dev.runnel.security.policy.Policy;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a policy's file may say, and what follows from it. */
class PolicyFileTest {
  private static final String BUILDS =
      """
      groups:
        builders: [ci, "ci-*"]
      rules:
        - name: builds
          principals: ["@builders"]
          commands:
            - [make, "**"]
            - [git, fetch, "*"]
          cwd: [/tmp, /usr]
          env: [LANG, "APP_*"]
          timeout_ms: {min: 1s, max: 1m}
          limits: {memory_bytes: {max: 1MiB}}
          retain: {max: 64K}
          spool_bytes: {max: 1048576}
        - name: anything
          principals: [root-like]
          commands: [["**"]]
          env: ["*"]
          observe: all
          control: all
        - name: watching
          principals: [watcher]
          observe: all
      """;

  private static Policy policy(String text) throws Exception {
    return PolicyFile.parse(text);
  }

  private static Caller as(String principal) {
    return new Caller(principal, "192.0.2.1", Caller.Via.TCP);
  }

  private static JobSpec run(String... argv) {
    return JobSpec.of(CommandSpec.of(argv));
  }

  private static JobSpec withEnv(JobSpec spec, String... names) {
    Map<String, @Nullable String> env = new LinkedHashMap<>();
    for (String name : names) {
      env.put(name, "value");
    }
    CommandSpec command = spec.command();
    return spec.withCommand(
        new CommandSpec(command.argv(), null, env, command.stderr(), command.stdin()));
  }

  private static String denial(Policy policy, String principal, JobSpec spec) {
    return assertThrows(ForbiddenException.class, () -> policy.judge(as(principal), spec))
        .getMessage();
  }

  @Test
  void firstRuleAboutPrincipalAndCommandDecides() throws Exception {
    Policy policy = policy(BUILDS);
    assertEquals("builds", policy.judge(as("ci"), run("make", "all")).ruleName());
    assertEquals("builds", policy.judge(as("ci-7"), run("git", "fetch", "x")).ruleName());
    assertEquals("anything", policy.judge(as("root-like"), run("rm", "-r")).ruleName());
    for (String nobody : List.of("cid", "CI", "watcher", "@builders", "")) {
      assertEquals(
          "no rule of the policy lets " + nobody + " run this command",
          denial(policy, nobody, run("make")));
    }
    assertTrue(denial(policy, "ci", run("sh", "-c", "make")).startsWith("no rule"));
    assertTrue(denial(policy, "ci", run("/bin/sh", "-c", "make")).startsWith("no rule"));
  }

  @Test
  void numbersAreHeldWithinTheirRange() throws Exception {
    Policy policy = policy(BUILDS);
    JobSpec brought = policy.judge(as("ci"), run("make")).spec();
    assertEquals(Duration.ofMinutes(1), brought.timeout());
    assertEquals(65_536, brought.retainBytes());
    assertEquals(OptionalLong.of(1 << 20), brought.command().limits().memoryBytes());
    assertEquals(
        Duration.ofSeconds(5),
        policy.judge(as("ci"), run("make").withTimeout(Duration.ofSeconds(5))).spec().timeout());
    assertEquals(
        "rule builds: timeout_ms: 60001 (expected: from 1000 to 60000)",
        denial(policy, "ci", run("make").withTimeout(Duration.ofMillis(60_001))));
    assertEquals(
        "rule builds: timeout_ms: 999 (expected: from 1000 to 60000)",
        denial(policy, "ci", run("make").withTimeout(Duration.ofMillis(999))));
    assertEquals(
        "rule builds: retain: 65537 (expected: from 0 to 65536)",
        denial(policy, "ci", run("make").withRetain(65_537)));
    assertEquals(
        "rule builds: window: 65537 (limit: retain, which is 65536 under this rule; ask for that)",
        denial(policy, "ci", run("make").withWindow(OptionalLong.of(65_537))));
  }

  @Test
  void diskIsBoundedOfJobsThatTakeIt() throws Exception {
    Policy policy = policy(BUILDS);
    assertEquals(OptionalLong.empty(), judged(policy, Retention.DEFAULT));
    assertEquals(OptionalLong.of(1 << 20), judged(policy, spooling(OptionalLong.empty())));
    assertEquals(OptionalLong.of(5), judged(policy, spooling(OptionalLong.of(5))));
    assertEquals(
        "rule builds: spool_bytes: 1048577 (expected: from 0 to 1048576)",
        denial(policy, "ci", run("make").withLasting(spooling(OptionalLong.of(1_048_577)))));
  }

  private static OptionalLong judged(Policy policy, Retention lasting) throws Exception {
    JobSpec asked = run("make").withLasting(lasting);
    return policy.judge(as("ci"), asked).spec().lasting().spoolBytes();
  }

  private static Retention spooling(OptionalLong bytes) {
    return new Retention(Duration.ZERO, null, Retention.OnFull.SPOOL, bytes);
  }

  @Test
  void whatARuleDoesNotNameItDoesNotAllow() throws Exception {
    Policy policy = policy("rules: [{name: r, principals: [a], commands: [[id]]}]");
    JobSpec plain = run("id");
    assertEquals("r", policy.judge(as("a"), plain).ruleName());
    assertEquals(
        "rule r: cwd: / (expected: none)",
        denial(policy, "a", plain.withCommand(plain.command().withCwd("/"))));
    assertEquals(
        "rule r: user: root (expected: none)",
        denial(policy, "a", plain.withCommand(plain.command().withUser("root"))));
    assertEquals("rule r: env: X (expected: none)", denial(policy, "a", withEnv(plain, "X")));
    Secrets secrets = new Secrets(Map.of("Y", "secret"), List.of());
    assertEquals(
        "rule r: env: Y (expected: none)",
        denial(policy, "a", plain.withCommand(plain.command().withSecrets(secrets))));
    Secrets fromServer = new Secrets(Map.of(), List.of("Z"));
    assertEquals(
        "rule r: env_from: Z (expected: none)",
        denial(policy, "a", plain.withCommand(plain.command().withSecrets(fromServer))));
    JobSpec keeping = plain.withLeftovers(JobSpec.Leftovers.KEEP);
    assertEquals("rule r: leftovers: keep (expected: kill)", denial(policy, "a", keeping));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "PATH",
        "BASH_ENV",
        "ENV",
        "IFS",
        "GIT_SSH_COMMAND",
        "PYTHONPATH",
        "PERL5OPT",
        "JAVA_TOOL_OPTIONS",
        "GLIBC_TUNABLES",
        "RUNNEL_JOB",
        "HOME"
      })
  void namesThatSteerACommandHaveToBeWrittenOut(String name) throws Exception {
    Policy stars =
        policy(
            "rules: [{name: r, principals: [a], commands: [[git, '**']],"
                + " env: ['*A*', '*E*', '*I*']}]");
    assertEquals("r", stars.judge(as("a"), withEnv(run("git"), "LANG")).ruleName());
    assertEquals(
        "rule r: env: " + name + " (expected: *A*, *E*, *I*)",
        denial(stars, "a", withEnv(run("git"), "LANG", name)));
    Policy named =
        policy("rules: [{name: r, principals: [a], commands: [[git, '**']], env: [" + name + "]}]");
    assertEquals("r", named.judge(as("a"), withEnv(run("git"), name)).ruleName());
    assertEquals(
        "anything", policy(BUILDS).judge(as("root-like"), withEnv(run("x"), name)).ruleName());
  }

  @Test
  void forcedCommandRunsInPlaceOfAnyOther() throws Exception {
    Policy policy = policy("rules: [{name: r, principals: [a], force: [backup, --all]}]");
    var grant = policy.judge(as("a"), run("rm", "-rf", "/"));
    assertEquals(
        List.of(Argument.of("backup"), Argument.of("--all")), grant.spec().command().argv());
    assertTrue(grant.isForced());
  }

  @Test
  void shellLinesAreACommandLikeAnyOther() throws Exception {
    Policy policy = policy("rules: [{name: r, principals: [a], shell: true}]");
    assertEquals("r", policy.judge(as("a"), run("/bin/sh", "-c", "id; id")).ruleName());
    for (JobSpec other :
        List.of(run("sh", "-c", "id"), run("/bin/sh", "-c", "id", "x"), run("/bin/sh", "-i"))) {
      assertTrue(denial(policy, "a", other).startsWith("no rule"));
    }
  }

  @Test
  void firstUserAndFolderAreTakenWhereNoneIsAskedFor() throws Exception {
    Policy policy =
        policy(
            "rules: [{name: r, principals: [a], commands: [[id]], users: [bob, ann],"
                + " cwd: [/usr, /tmp]}]");
    CommandSpec brought = policy.judge(as("a"), run("id")).spec().command();
    assertEquals("bob", brought.user());
    assertEquals("/usr", brought.cwd());
    assertEquals(
        "rule r: user: root (expected: bob, ann)",
        denial(policy, "a", run("id").withCommand(run("id").command().withUser("root"))));
    Policy pattern =
        policy("rules: [{name: r, principals: [a], commands: [[id]], users: ['ci-*']}]");
    assertEquals("rule r: user: missing (expected: ci-*)", denial(pattern, "a", run("id")));
  }

  @Test
  void reachIsTheMostThatAnyRuleGives() throws Exception {
    Policy policy = policy(BUILDS);
    assertEquals(JobScope.OWN, policy.observe("ci"));
    assertEquals(JobScope.ALL, policy.observe("watcher"));
    assertEquals(JobScope.OWN, policy.control("watcher"));
    assertEquals(JobScope.ALL, policy.control("root-like"));
    assertEquals(JobScope.OWN, policy.control("nobody"));
    assertEquals(JobScope.OWN, Policy.NONE.observe("anybody"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "''|1|nothing in it",
        "'rules: x'|1|rules: (expected: a list)",
        "'rule: []'|1|rule: unknown key (known: groups, rules)",
        "'rules:\n- name: a'|2|rules: principals: missing",
        "'rules:\n- principals: [a]'|2|rules: name: missing",
        "'rules:\n- name: a\n  principals: [a]\n  comands: []'|4|rules.comands: unknown key",
        "'rules:\n- name: a b\n  principals: [a]'|2|rules.name: a b (expected: ",
        "'rules:\n- {name: a, principals: [a]}\n- {name: a, principals: [b]}'|3|another rule",
        "'rules:\n- name: a\n  principals: [\"@b\"]'|3|@b (known groups: )",
        "'rules:\n- name: a\n  principals: [a]\n  commands: [id]'|4|(expected: a list)",
        "'rules:\n- name: a\n  principals: [a]\n  commands: [[]]'|4|no elements",
        "'rules:\n- name: a\n  principals: [a]\n  commands: [[a**]]'|4|**",
        "'rules:\n- name: a\n  principals: [a]\n  shell: yes'|4|true or false",
        "'rules:\n- name: a\n  principals: [a]\n  shell: true\n  force: [x]'|5|given beside",
        "'rules:\n- name: a\n  principals: [a]\n  cwd: [tmp]'|4|tmp (expected: an absolute path)",
        "'rules:\n- name: a\n  principals: [a]\n  commands: [[git, \"**\"]]\n  env: [\"*\"]'|5|"
            + "* (expected: names",
        "'rules:\n- name: a\n  principals: [a]\n  pty: 1'|4|true or false",
        "'rules:\n- name: a\n  principals: [a]\n  jobs: -1'|4|-1 (expected: a whole number)",
        "'rules:\n- name: a\n  principals: [a]\n  jobs: 0'|4|0 (expected: from 1 to 2147483647)",
        "'rules:\n- name: a\n  principals: [a]\n  jobs: 1.5'|4|1.5 (expected: a whole number)",
        "'rules:\n- name: a\n  principals: [a]\n  retain: 5'|4|retain: (expected: keys and values)",
        "'rules:\n- name: a\n  principals: [a]\n  retain: {min: 2, max: 1}'|4|min: 2 (max: 1)",
        "'rules:\n- name: a\n  principals: [a]\n  timeout_ms: {max: 2w}'|4|max: 2w (expected: a duration",
        "'rules:\n- name: a\n  principals: [a]\n  limits: {cpu: {max: 1}}'|4|cpu: unknown key",
        "'rules:\n- name: a\n  principals: [a]\n  observe: any'|4|any (expected: own or all)",
        "'rules:\n- name: a\n  name: b\n  principals: [a]'|3|rules.name: given twice",
        "'rules: &x\n- *x'|1|an anchor",
        "'rules: !!java.net.URL [x]'|1|Global tag is not allowed",
        "'rules: !x [x]'|1|the tag !x (expected: none)",
        "'rules: [\n'|2|",
      })
  void mistakesAreToldWithTheirLine(String text, int line, String message) {
    var wrong = assertThrows(YamlNode.WrongException.class, () -> PolicyFile.parse(text));
    String told = String.valueOf(wrong.getMessage());
    assertEquals(line, wrong.line(), told);
    assertTrue(message == null || told.contains(message), told);
  }
}
