package dev.runnel.wire;

import static dev.runnel.wire.Requests.assertBad;
import static dev.runnel.wire.Requests.assertCloses;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.runnel.model.CommandSpec;
import dev.runnel.model.ErrorCode;
import dev.runnel.model.JobId;
import dev.runnel.model.Request;
import dev.runnel.model.ResourceLimits;
import dev.runnel.model.Terminal;
import dev.runnel.model.TerminalMode;
import dev.runnel.model.TerminalModes;
import dev.runnel.model.TerminalSize;
import java.util.Map;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** PROTOCOL.md, section 3: terminals, limits and users, right and wrong. */
class RestrictionsDecoderTest {
  private static final long MOST = 9_007_199_254_740_991L;

  @Test
  void hasNoneOfThemUnlessAsked() throws Exception {
    CommandSpec command = command("");
    assertNull(command.terminal());
    assertEquals(ResourceLimits.NONE, command.limits());
    assertNull(command.user());
  }

  @Test
  void readsATerminal() throws Exception {
    assertEquals(terminal(24, 80, "xterm"), command("\"pty\":{}").terminal());
    assertEquals(
        terminal(50, 132, "screen.xterm-256color"),
        command("\"pty\":{\"rows\":50,\"cols\":132,\"term\":\"screen.xterm-256color\"}")
            .terminal());
    assertEquals(terminal(1, 80, "xterm"), command("\"pty\":{\"rows\":1}").terminal());
    assertEquals(terminal(24, 65_535, "xterm"), command("\"pty\":{\"cols\":65535}").terminal());
  }

  @Test
  void mergesStderrOnATerminal() throws Exception {
    CommandSpec asked = command("\"pty\":{},\"merge\":true");
    assertEquals(CommandSpec.Stderr.MERGED, asked.stderr());
    assertEquals(asked, command("\"pty\":{},\"merge\":false"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"true", "null", "1", "1.5", "\"xterm\"", "[]"})
  void wantsObjects(String wrong) {
    assertBad("\"pty\":" + wrong, "ls", "pty: " + wrong);
    assertBad("\"limits\":" + wrong, "ls", "limits: " + wrong);
  }

  @ParameterizedTest
  @CsvSource({
    "pty,rows,1,65535",
    "pty,cols,1,65535",
    "limits,cpu_s,1,31536000",
    "limits,memory_bytes,1048576,9007199254740991",
    "limits,open_files,3,1073741824",
    "limits,file_bytes,0,9007199254740991"
  })
  void holdsNumbersWithinTheirBounds(String object, String name, long min, long max)
      throws Exception {
    String full = object + "." + name;
    String keys = "\"" + object + "\":{\"" + name + "\":";
    command(keys + min + "}");
    command(keys + max + "}");
    assertBad(keys + (min - 1) + "}", "ls", full + ": " + (min - 1) + " (expected: from " + min);
    if (max < MOST) {
      assertBad(keys + (max + 1) + "}", "ls", full + ": " + (max + 1));
    }
    for (String wrong : new String[] {"\"5\"", "true", "null", "[5]", "{}"}) {
      assertBad(keys + wrong + "}", "ls", full + ": " + wrong);
    }
    for (String wrong : new String[] {"5.0", "5e3", "-0", "9007199254740992"}) {
      assertCloses(ErrorCode.BAD_FRAME, keys + wrong + "}", "ls", full + ": " + wrong);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "a\\u0000", "\\ud83d"})
  void refusesWhatIsNoNameOfATerminal(String wrong) {
    assertBad("\"pty\":{\"term\":\"" + wrong + "\"}", "ls", "pty.term: ");
    assertBad("\"pty\":{\"term\":\"" + "x".repeat(257) + "\"}", "ls", "pty.term: ");
  }

  @ParameterizedTest
  @ValueSource(strings = {"-x", "a b", "a/b", "é", "a:b"})
  void takesANameOfATerminalAsItIs(String term) throws Exception {
    assertEquals(terminal(24, 80, term), command("\"pty\":{\"term\":\"" + term + "\"}").terminal());
    String longest = "x".repeat(256);
    assertEquals(
        terminal(24, 80, longest), command("\"pty\":{\"term\":\"" + longest + "\"}").terminal());
  }

  @Test
  void readsModesAndPassesOverThoseItDoesNotKnow() throws Exception {
    TerminalModes modes =
        new TerminalModes(
            Map.of(TerminalMode.ERASE, 8, TerminalMode.IXON, 0, TerminalMode.SPEED, 9_600));
    assertEquals(
        new Terminal(TerminalSize.DEFAULT, "xterm", modes),
        command(
                "\"pty\":{\"modes\":{\"erase\":8,\"ixon\":false,\"speed\":9600,"
                    + "\"dsusp\":25,\"of-tomorrow\":{\"a\":[]}}}")
            .terminal());
    assertEquals(terminal(24, 80, "xterm"), command("\"pty\":{\"modes\":{}}").terminal());
  }

  @Test
  void holdsEveryModeWithinItsBounds() throws Exception {
    for (TerminalMode mode : TerminalMode.values()) {
      String key = "pty.modes." + mode.wireName();
      String keys = "\"pty\":{\"modes\":{\"" + mode.wireName() + "\":";
      if (mode.isFlag()) {
        command(keys + "true}}");
        command(keys + "false}}");
        assertBad(keys + "1}}", "ls", key + ": 1");
      } else {
        command(keys + "0}}");
        command(keys + mode.max() + "}}");
        assertBad(keys + "-1}}", "ls", key + ": -1");
        assertBad(keys + (mode.max() + 1) + "}}", "ls", key + ": " + (mode.max() + 1));
        assertBad(keys + "true}}", "ls", key + ": true");
      }
      assertBad(keys + "null}}", "ls", key + ": null");
    }
    assertBad("\"pty\":{\"modes\":[]}", "ls", "pty.modes: []");
  }

  @Test
  void readsLimits() throws Exception {
    OptionalLong none = OptionalLong.empty();
    assertEquals(ResourceLimits.NONE, command("\"limits\":{}").limits());
    assertEquals(
        new ResourceLimits(none, none, none, OptionalLong.of(0)),
        command("\"limits\":{\"file_bytes\":0}").limits());
    assertEquals(
        new ResourceLimits(
            OptionalLong.of(1),
            OptionalLong.of(1L << 40),
            OptionalLong.of(64),
            OptionalLong.of(4096)),
        command(
                "\"limits\":{\"cpu_s\":1,\"memory_bytes\":1099511627776,\"open_files\":64,"
                    + "\"file_bytes\":4096}")
            .limits());
  }

  @Test
  void namesKeysWithinThatItDoesNotKnow() {
    assertBad("\"pty\":{\"row\":24}", "ls", "\"pty.row\": unknown key");
    assertBad("\"pty\":{\"x-rows\":24}", "ls", "\"pty.x-rows\": unknown key");
    assertBad("\"limits\":{\"cpu\":1}", "ls", "\"limits.cpu\": unknown key");
    assertBad("\"limits\":{\"id\":1}", "ls", "\"limits.id\": unknown key");
  }

  @Test
  void readsAUser() throws Exception {
    for (String user :
        new String[] {"build", "1000", "4294967294", "LAB\\\\ann", "a.b-c_d$", "é"}) {
      assertEquals(user.replace("\\\\", "\\"), command("\"user\":\"" + user + "\"").user());
    }
    assertEquals("u".repeat(256), command("\"user\":\"" + "u".repeat(256) + "\"").user());
    for (String wrong : new String[] {"", "a:b", "../root", "a\\n", "a\\u007f", "u".repeat(257)}) {
      assertBad("\"user\":\"" + wrong + "\"", "ls", "user: ");
    }
    assertBad("\"user\":\"a\\u0000\"", "ls", "user: ");
    for (String wrong : new String[] {"1000", "null", "true", "[]", "{}"}) {
      assertBad("\"user\":" + wrong, "ls", "user: " + wrong);
    }
  }

  @Test
  void readsANewSize() throws Exception {
    assertEquals(
        new Request.Resize(new JobId("j"), new TerminalSize(50, 132)),
        Requests.decode("\"type\":\"resize\",\"job\":\"j\",\"rows\":50,\"cols\":132"));
    String resize = "\"type\":\"resize\",\"job\":\"j\"";
    assertBad(resize + ",\"rows\":50", "", "cols: missing");
    assertBad(resize + ",\"cols\":50", "", "rows: missing");
    assertBad(resize + ",\"rows\":0,\"cols\":80", "", "rows: 0");
    assertBad(resize + ",\"rows\":24,\"cols\":65536", "", "cols: 65536");
    assertBad(resize + ",\"rows\":24,\"cols\":80,\"term\":\"vt100\"", "", "\"term\": unknown key");
    assertBad(resize + ",\"rows\":24,\"cols\":80", "x", "body: 1 bytes");
    assertBad("\"type\":\"resize\",\"rows\":24,\"cols\":80", "", "job: missing");
  }

  private static Terminal terminal(int rows, int cols, String term) {
    return new Terminal(new TerminalSize(rows, cols), term);
  }

  private static CommandSpec command(String keys) throws ProtocolException, RequestException {
    return ((Request.Run) Requests.decode(keys, "ls")).spec().command();
  }
}
