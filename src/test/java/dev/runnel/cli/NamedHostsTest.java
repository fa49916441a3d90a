package dev.runnel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a named host's commands get, and words as docker's and kubectl's users type them. */
@NullMarked
@SuppressWarnings("NullAway.Init") // Set before each.
class NamedHostsTest extends NodeVerbs {
  @TempDir private Path folder;
  private Path file;
  private Client client;

  @BeforeEach
  void write() throws IOException {
    file = Files.createDirectory(folder.resolve("runnel")).resolve("config.yaml");
    Files.writeString(
        file,
        """
        hosts:
          prod-1:
            host: 127.0.0.1:%d
            cwd: /usr/share
            linger: 10m
            env:
              STAGE: prod
              EMPTY: ""
            tls: false
          other:
            host: other.example
        """
            .formatted(port()));
    client = client(Map.of());
  }

  private Client client(Map<String, String> more) {
    Map<String, String> env = new java.util.HashMap<>(more);
    env.put("XDG_CONFIG_HOME", folder.toString());
    env.put("XDG_RUNTIME_DIR", Client.NOWHERE);
    return new Client().env(env);
  }

  @Test
  void aCommandGetsTheHostsFolderAndVariables() {
    assertEquals(
        0,
        client.run("exec", "-H", "prod-1", "-c", "pwd; echo $STAGE ${EMPTY-unset}."),
        client.err());
    assertEquals("/usr/share\nprod .\n", client.out());
  }

  @Test
  void theCommandLineOutweighsThem() {
    int code =
        client.run(
            "exec", "-H", "prod-1", "-w", "/", "-e", "STAGE=x", "-c", "pwd; echo $STAGE; exit 3");
    assertEquals(3, code, client.err());
    assertEquals("/\nx\n", client.out());
  }

  @Test
  void optionsOfTheHostMayComeBeforeTheVerb() {
    assertEquals(0, client.run("-H", "prod-1", "exec", "-q", "-c", "echo $STAGE"), client.err());
    assertEquals("prod\n", client.out());
    Client wrong = client(Map.of());
    assertEquals(2, wrong.run("-x", "exec", "true"));
    assertTrue(wrong.err().contains("options come after the verb"), wrong.err());
  }

  @Test
  void hostsListsThem() {
    assertEquals(0, client.run("hosts"), client.err());
    String[] lines = client.out().split("\n", 0);
    assertEquals(3, lines.length, client.out());
    assertTrue(lines[0].matches("NAME +HOST +SETTINGS"), lines[0]);
    assertTrue(
        lines[1].matches(
            "prod-1 +127.0.0.1:\\d+ +cwd=/usr/share linger=10m env.STAGE=prod env.EMPTY= tls=false"),
        lines[1]);
    assertTrue(lines[2].matches("other +other.example +-"), lines[2]);
    Client names = client(Map.of());
    assertEquals(0, names.run("hosts", "-q"), names.err());
    assertEquals("prod-1\nother\n", names.out());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "'      STAGE: prod'   | '      STAGE: [a]'   | :7: STAGE: (expected: a value",
        "'      EMPTY'         | '     EMPTY'         | :8: EMPTY: not in line",
        "'    env:'            | '    env: A=b'       | :6: env: (expected: names of variables",
        "'    cwd: /usr/share' | '    cwd: share'     | cwd: share (expected: an absolute path)",
        "'    linger: 10m'     | '    linger: soon'   | linger: soon (expected: a duration",
      })
  void mistakesAreNamed(String line, String wrong, String message) throws IOException {
    Files.writeString(file, Files.readString(file).replace(line, wrong));
    assertEquals(255, client.run("exec", "-H", "prod-1", "true"));
    assertTrue(client.err().contains(message), client.err());
  }

  @Test
  void aHostWithoutItsOptionIsNoticed() {
    assertEquals(2, client.run("jobs", "prod-1"));
    assertTrue(client.err().contains("unexpected prod-1 (a host goes after -H: -H prod-1)"));
    Map<String, String> preset = Map.of("RUNNEL_HOST", "127.0.0.1:" + port());
    Client two = client(preset);
    assertEquals(127, two.run("exec", "prod-1", "uptime"));
    assertTrue(two.err().endsWith("prod-1 is a host of " + file + ": -H prod-1\n"), two.err());
    Client three = client(preset);
    assertEquals(127, three.run("exec", "me@prod-9", "uptime"));
    assertTrue(three.err().endsWith("is the host: -H prod-9 --user me\n"), three.err());
  }

  @Test
  void anEmptyVariableIsNotThisMachine() {
    Client empty = client(Map.of("RUNNEL_HOST", ""));
    assertEquals(255, empty.run("exec", "true"));
    assertTrue(empty.err().startsWith("runnel: RUNNEL_HOST: it is empty (expected:"), empty.err());
    Client given = client(Map.of("RUNNEL_HOST", ""));
    assertEquals(0, given.run("exec", "-H", "prod-1", "true"), given.err());
  }

  @Test
  void execLeavesADetachedCommandRunning() {
    assertEquals(
        0,
        client.run("exec", "-d", "-H", "prod-1", "--job", "detached", "-c", "echo $STAGE; exit 4"),
        client.err());
    assertEquals("detached\n", client.out());
    Client wait = client(Map.of());
    assertEquals(4, wait.run("wait", "-H", "prod-1", "detached"), wait.err());
    Client twice = client(Map.of());
    assertEquals(0, twice.run("run", "-d", "-H", "prod-1", "true"), twice.err());
    Client terminal = client(Map.of());
    assertEquals(255, terminal.run("exec", "-dt", "-H", "prod-1", "true"));
    assertTrue(terminal.err().contains("--detach and --pty as well"), terminal.err());
  }
}
