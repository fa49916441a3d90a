package dev.runnel.server;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.security.identity.Tokens;
import dev.runnel.security.identity.Tokens.NewToken;
import dev.runnel.security.policy.Policy;
import dev.runnel.server.RawClient.Answer;
import dev.runnel.server.RawClient.Ran;
import dev.runnel.settings.PolicyFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A policy, and those who try to get around it. SECURITY.md, "The policy". */
@SuppressWarnings("NullAway.Init") // The folder is there before any test.
class PolicyTest extends NodeTest {
  private static final NewToken CI = Tokens.create("ci");
  private static final NewToken OPS = Tokens.create("ops");
  private static final NewToken EYE = Tokens.create("eye");
  private static int port;

  @TempDir private Path folder;

  @BeforeAll
  static void listen() throws Exception {
    Tokens tokens = Tokens.parse(List.of(CI.line(), OPS.line(), EYE.line()));
    port = node().listen(new Authentication.ByToken(tokens));
  }

  @BeforeEach
  void adoptPolicy() throws Exception {
    Files.createDirectories(folder.resolve("app/sub"));
    Files.createSymbolicLink(folder.resolve("app/out"), Path.of("/etc"));
    Files.createSymbolicLink(folder.resolve("app/in"), folder.resolve("app/sub"));
    Files.writeString(folder.resolve("secret"), "from a file\n");
    adopt(
        """
        rules:
          - name: work
            principals: [ci]
            commands:
              - [pwd]
              - [env]
              - [echo, "*"]
              - [sleep, "*"]
            cwd: [%1$s/app]
            env: ["*A*", "*E*", "*_*"]
            env_from: {FROM_FILE: %1$s/secret, NO_FILE: %1$s/none}
          - name: forced
            principals: [eye]
            force: [sleep, "100"]
            observe: all
          - name: all
            principals: [ops]
            commands: [["**"]]
            control: all
        """
            .formatted(folder));
  }

  @AfterEach
  void dropPolicy() {
    node().guard().adopt(Policy.NONE);
  }

  private void adopt(String text) throws Exception {
    node().guard().adopt(PolicyFile.read(Files.writeString(folder.resolve("policy.yaml"), text)));
  }

  private RawClient as(NewToken token) throws IOException {
    RawClient client = closed(new RawClient(port));
    client.ask("'type':'hello','version':1,'token':'" + token.secret() + "'");
    return client;
  }

  private void expectForbidden(String keys, String message) throws IOException {
    Answer answer = as(CI).ask(keys);
    assertEquals("forbidden", answer.text("code"), answer::toString);
    assertEquals(message, answer.text("message"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "'argv':['id']",
        "'argv':['echo','a','b']",
        "'argv':['echo a']",
        "'argv':['echo']",
        "'argv':['./echo','a']",
        "'argv':['/bin/echo','a']",
        "'argv':['sh','-c','echo a']",
        "'argv':['env','sh']",
        "'argv':['echo;id','a']",
      })
  void commandThatFitsNoPatternIsForbidden(String keys) throws Exception {
    expectForbidden(keys, "no rule of the policy lets ci run this command");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "commands: [[echo, \"*\"]]",
        "commands: [[echo, \"*\"], [bash, -c, ls]]",
        "force: [echo, a]",
        "shell: true, pty: false",
        "commands: [[\"**\"]], pty: false",
      })
  void terminalIsForbiddenUnlessAShellIsAllowed(String what) throws Exception {
    adopt("rules: [{name: r, principals: [ci], " + what + "}]");
    String argv = what.startsWith("shell") ? "'/bin/sh','-c','echo a'" : "'echo','a'";
    expectForbidden(
        "'pty':{'rows':24,'cols':80},'argv':[" + argv + "]",
        "rule r: pty: a terminal (expected: none)");
    assertEquals("end", as(CI).ask("'argv':[" + argv + "]").type());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "commands: [[echo, \"*\"]], pty: true",
        "force: [echo, a], pty: true",
        "commands: [[echo, a], [bash]]",
        "commands: [[\"**\"]]",
        "commands: [[\"*\", \"**\"]]",
        "shell: true, commands: [[echo, a]]",
      })
  void terminalIsAllowedWithAShellOrByTheRule(String what) throws Exception {
    adopt("rules: [{name: r, principals: [ci], " + what + "}]");
    RawClient client = as(CI);
    client.send("'id':'t','pty':{'rows':24,'cols':80},'argv':['echo','a']", "");
    assertEquals("a\r\n", client.finish("t").out());
  }

  @ParameterizedTest
  @CsvSource({
    "grace_ms, 1001, 'grace_ms: 1001 (expected: from 0 to 1000)'",
    "drain_ms, 501, 'drain_ms: 501 (expected: from 0 to 500)'",
    "drain_max_ms, 9999, 'drain_max_ms: 9999 (expected: from 0 to 700)'",
    "keep_ms, 600001, 'keep_ms: 600001 (expected: from 0 to 1000)'",
  })
  void ruleBoundsWhatAJobTakesToEnd(String key, String asked, String why) throws Exception {
    adopt(
        "rules: [{name: r, principals: [ci], commands: [[pwd]], grace_ms: {max: 1000},"
            + " drain_ms: {max: 500}, drain_max_ms: {max: 700}, keep_ms: {max: 1000}}]");
    expectForbidden("'argv':['pwd'],'" + key + "':" + asked, "rule r: " + why);
    assertEquals("end", as(CI).ask("'argv':['pwd']").type());
  }

  @Test
  void whoMayControlAllEndsAnythingAtOnce() throws Exception {
    adopt(
        "rules: [{name: r, principals: [ci], shell: true},"
            + " {name: o, principals: [ops], commands: [], control: all}]");
    RawClient client = as(CI);
    client.send(
        "'id':'r','job':'tough','grace_ms':300000,'leftovers':'kill'",
        "trap '' TERM HUP; setsid sh -c 'trap \"\" TERM; echo ready; while :; do sleep 0.1; done' & "
            + " while :; do sleep 0.1; done");
    client.output("ready\n".length());
    RawClient operator = as(OPS);
    assertEquals("ok", operator.ask("'type':'cancel','job':'tough','grace_ms':0").type());
    Ran ran = client.finish("r");
    assertEquals("canceled", ran.outcome());
    assertEquals("ended", operator.ask("'type':'status','job':'tough'").text("state"));
  }

  @Test
  void denialSaysThatARuleIsAboutShellLinesOnly() throws Exception {
    adopt("rules:\n  - name: operators\n    principals: [ci]\n    shell: true\n");
    expectForbidden(
        "'argv':['uptime']",
        "no rule of the policy lets ci run this command (rule operators is about lines for the"
            + " shell only: -c LINE)");
  }

  @Test
  void shellLineIsForbiddenWhereItsNotAllowed() throws Exception {
    RawClient client = as(CI);
    client.send("'id':'s'", "echo a");
    assertEquals("forbidden", client.finalOf("s").text("code"));
    client.send("'id':'b','argv_body':true", "echo\0a\0b\0");
    assertEquals("forbidden", client.finalOf("b").text("code"));
  }

  @Test
  void forbiddenRunLeavesItsNameAndPlaceFree() throws Exception {
    int places = node().registry().places();
    RawClient client = as(CI);
    assertEquals("forbidden", client.ask("'job':'free','argv':['id']").text("code"));
    for (int i = 0; i < 20; i++) {
      assertEquals("forbidden", client.ask("'job':'free','argv':['pwd'],'cwd':'/'").text("code"));
    }
    assertEquals("end", client.ask("'job':'free','argv':['pwd']").type());
    Until.holds("places free", () -> node().registry().places() == places);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/",
        "/etc",
        "%s",
        "%s/app/..",
        "%s/app/out",
        "%s/app/out/ssl",
        "%s/app/in/../..",
        "%s/application",
        "%s/app/none",
        "%s/app/out/none",
        "/none",
        "//",
        "/proc/self/cwd"
      })
  void folderIsBelowTheRootWhateverItIsCalled(String written) throws Exception {
    String cwd = written.formatted(folder);
    expectForbidden(
        "'argv':['pwd'],'cwd':'" + cwd + "'",
        "rule work: cwd: " + cwd + " (expected: a folder below " + folder + "/app)");
  }

  @Test
  void folderIsWhereTheCommandRuns() throws Exception {
    Path app = folder.resolve("app").toRealPath();
    assertEquals(app + "\n", runAsCi("'argv':['pwd']"));
    assertEquals(app + "/sub\n", runAsCi("'argv':['pwd'],'cwd':'" + folder + "/app/in'"));
    assertEquals(app + "\n", runAsCi("'argv':['pwd'],'cwd':'" + folder + "/app/sub/../.'"));
  }

  @Test
  void aFolderWhoseNameIsNoTextIsJudgedLikeAnyOther() throws Exception {
    Path app = folder.resolve("app").toRealPath();
    for (Path within : new Path[] {app, folder}) {
      String make = "mkdir \"$(printf '" + within + "/\\351')\"";
      assertEquals(0, new ProcessBuilder("sh", "-c", make).start().waitFor());
    }
    byte[] inside = (app + "/\u00E9").getBytes(ISO_8859_1);
    RawClient client = as(CI);
    client.send("'id':'r','argv':['pwd'],'cwd_b64':'" + base64(inside) + "'");
    assertEquals(app + "/\u00E9\n", new String(client.finish("r").stdout(), ISO_8859_1));
    expectForbidden(
        "'argv':['pwd'],'cwd_b64':'" + base64((folder + "/\u00E9").getBytes(ISO_8859_1)) + "'",
        "rule work: cwd: " + folder + "/\uFFFD (expected: a folder below " + folder + "/app)");
  }

  private static String base64(byte[] bytes) {
    return Base64.getEncoder().encodeToString(bytes);
  }

  private String runAsCi(String keys) throws IOException {
    RawClient client = as(CI);
    client.send("'id':'r'," + keys);
    return client.finish("r").out();
  }

  @ParameterizedTest
  @ValueSource(strings = {"LD_PRELOAD", "PATH", "BASH_ENV", "ld_preload", "RUNNEL_JOB"})
  void variablesThatSteerAreForbiddenHoweverTheyCome(String name) throws Exception {
    String message = "rule work: env: " + name + " (expected: *A*, *E*, *_*)";
    expectForbidden("'argv':['env'],'env':{'" + name + "':'/tmp/evil.so'}", message);
    expectForbidden("'argv':['env'],'env':{'" + name + "':null}", message);
    RawClient client = as(CI);
    client.send("'id':'b','argv':['env'],'env_body':true", name + "=/tmp/evil.so\0");
    assertEquals(message, client.finalOf("b").text("message"));
  }

  @Test
  void secretsReachTheCommandAndNothingElse() throws Exception {
    RawClient client = as(CI);
    client.send(
        "'id':'r','job':'secret-1','argv':['env'],'env_body':true,'env_from':['FROM_FILE'],'env':{'A':'1'}",
        "TOKEN=t0ps3cret\0EMPTY=\0");
    String out = client.finish("r").out();
    assertTrue(out.contains("TOKEN=t0ps3cret\n"), out);
    assertTrue(out.contains("EMPTY=\n"), out);
    assertTrue(out.contains("A=1\n"), out);
    assertTrue(out.contains("FROM_FILE=from a file\n"), out);
    Answer status = client.ask("'type':'status','job':'secret-1'");
    assertEquals("env", status.text("command"));
    assertFalse(status.toString().contains("t0ps3cret"), status::toString);
  }

  @Test
  void filesOfTheServerAreGivenByThePolicyAlone() throws Exception {
    expectForbidden(
        "'argv':['env'],'env_from':['OTHER']",
        "rule work: env_from: OTHER (expected: FROM_FILE, NO_FILE)");
    expectForbidden(
        "'argv':['env'],'env_from':['NO_FILE']", "rule work: env_from: NO_FILE can't be given now");
    dropPolicy();
    expectForbidden(
        "'argv':['env'],'env_from':['FROM_FILE']", "env_from: there is no policy that allows it");
  }

  @Test
  void forcedCommandRunsAndTakesNoSignals() throws Exception {
    RawClient eye = as(EYE);
    eye.send("'id':'r','job':'forced-1'", "echo mine");
    assertEquals("started", eye.nextOf("r").type());
    Answer status = eye.ask("'type':'status','job':'forced-1'");
    assertEquals("sleep 100", status.text("command"));
    Answer refused = eye.ask("'type':'signal','job':'forced-1','signal':'USR1'");
    assertEquals("forbidden", refused.text("code"));
    assertEquals("rule forced: a forced command takes no signals", refused.text("message"));
    assertEquals("ok", eye.ask("'type':'cancel','job':'forced-1'").type());
    assertEquals("canceled", eye.finish("r").outcome());
  }

  @Test
  void whoMaySeeAllMayNotControlThem() throws Exception {
    RawClient ci = as(CI);
    ci.send("'id':'r','job':'seen','argv':['sleep','100']");
    assertEquals("started", ci.nextOf("r").type());
    RawClient eye = as(EYE);
    assertEquals("ci", eye.ask("'type':'status','job':'seen'").text("principal"));
    for (String verb : List.of("'type':'cancel'", "'type':'signal','signal':'TERM'")) {
      Answer refused = eye.ask(verb + ",'job':'seen'");
      assertEquals("forbidden", refused.text("code"), refused::toString);
    }
    assertEquals("unknown_job", connect().ask("'type':'cancel','job':'seen'").text("code"));
    assertEquals("ok", as(OPS).ask("'type':'cancel','job':'seen'").type());
    assertEquals("canceled", ci.finish("r").outcome());
  }

  @Test
  void nobodyIsForgottenByAPolicy() throws Exception {
    Answer answer = connect().ask("'argv':['true']");
    assertEquals("forbidden", answer.text("code"));
  }

  @Test
  void newPolicyCountsForTheNextRun() throws Exception {
    RawClient ci = as(CI);
    assertEquals("end", ci.ask("'argv':['echo','x']").type());
    adopt("rules: []");
    assertEquals("forbidden", ci.ask("'argv':['echo','x']").text("code"));
  }
}
