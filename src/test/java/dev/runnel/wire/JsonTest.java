package dev.runnel.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.ErrorCode;
import java.io.ByteArrayOutputStream;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** PROTOCOL.md, section 1: what is a header, and what is not. */
class JsonTest {

  @Test
  void readsEveryKindOfValue() throws Exception {
    Map<String, Object> object =
        parse("{\"s\":\"\\u00e9\\n\",\"t\":true,\"f\":false,\"n\":null,\"a\":[1,\"x\"],\"o\":{}}");
    assertEquals("é\n", object.get("s"));
    assertEquals(true, object.get("t"));
    assertEquals(false, object.get("f"));
    assertSame(Json.NULL, object.get("n"));
    assertEquals(List.of(1L, "x"), object.get("a"));
    assertEquals(Map.of(), object.get("o"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"{}", " {} ", "\t{\n}\r\n", "{ }"})
  void allowsWhiteSpaceAroundTheObject(String text) throws Exception {
    assertEquals(Map.of(), parse(text));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "{",
        "}",
        "[]",
        "1",
        "null",
        "\"{}\"",
        "{}{}",
        "{}}",
        "{}]",
        "{},",
        "{} x",
        "{}\0",
        "\0{}",
        "{}\u00a0",
        "\ufeff{}",
        "{\f}",
        "{\u000b}",
        "{/**/}",
        "{}//",
        "{}#",
        "{a:1}",
        "{'a':1}",
        "{1:1}",
        "{:1}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\";1}",
        "{\"a\"=1}",
        "{\"a\":1,}",
        "{,\"a\":1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":[1,]}",
        "{\"a\":[,1]}",
        "{\"a\":[1 2]}",
        "{\"a\":[}]}",
        "{\"a\":[1}",
        "{\"a\":'x'}",
        "{\"a\":x}",
        "{\"a\":tru}",
        "{\"a\":truex}",
        "{\"a\":True}",
        "{\"a\":NaN}",
        "{\"a\":-Infinity}",
        "{\"a\":undefined}",
        "{\"a\":\"\t\"}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\0\"}",
        "{\"a\":\"\\x41\"}",
        "{\"a\":\"\\'\"}",
        "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"}",
        "{\"a\":\"\\\"}",
        "{\"a\":01}",
        "{\"a\":-01}",
        "{\"a\":00}",
        "{\"a\":+1}",
        "{\"a\":--1}",
        "{\"a\":-}",
        "{\"a\":.5}",
        "{\"a\":1.}",
        "{\"a\":1e}",
        "{\"a\":1e+}",
        "{\"a\":0x10}",
        "{\"a\":1_000}",
        "{\"a\":1a}",
        "{\"a\":1L}",
      })
  void refusesWhatIsNotStrictlyOneObject(String text) {
    assertBadFrame(RawFrames.utf8(text));
    assertThrows(ProtocolException.class, () -> parse(longFormOf(text)), "beyond 32 KiB");
  }

  // As far from the start as a mistake may be.
  private static String longFormOf(String text) {
    return " ".repeat(40_000) + text;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"a\":1,\"a\":1}",
        "{\"a\":1,\"b\":2,\"a\":null}",
        "{\"a\":null,\"a\":null}",
        "{\"a\":1,\"\\u0061\":1}",
        "{\"\":1,\"\":1}",
        "{\"o\":{\"a\":1,\"a\":2}}",
        "{\"x-a\":[{\"k\":[],\"k\":{}}]}",
      })
  void refusesAKeyNamedTwice(String text) {
    ProtocolException e = assertBadFrame(RawFrames.utf8(text));
    assertTrue(e.getMessage().contains("duplicate key"), e.getMessage());
  }

  @Test
  void allowsTheSameKeyInDifferentObjects() throws Exception {
    assertEquals(2, parse("{\"a\":{\"a\":{\"a\":1}},\"b\":[{\"a\":1},{\"a\":1}]}").size());
  }

  @ParameterizedTest
  @ValueSource(
      longs = {0, 1, -1, 9, 10, 0x7FFFFFFFL, 0xFFFFFFFFL, 9007199254740991L, -9007199254740991L})
  void readsIntegers(long number) throws Exception {
    assertEquals(number, parse("{\"a\":" + number + "}").get("a"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "-0",
        "0.0",
        "1.0",
        "1e3",
        "1E3",
        "1e-3",
        "0e0",
        "9007199254740992",
        "-9007199254740992",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551616",
        "99999999999999999999999999999999",
        "1e400",
      })
  void keepsOtherNumbersApart(String number) throws Exception {
    Object value = parse("{\"a\":" + number + "}").get("a");
    assertEquals(number, assertInstanceOf(Json.NotInteger.class, value).text());
  }

  @Test
  void readsNumbersAndNamesAsLongAsAHeader() throws Exception {
    String digits = "9".repeat(60_000);
    assertEquals(new Json.NotInteger(digits), parse("{\"x-a\":" + digits + "}").get("x-a"));
    String name = "x-" + "k".repeat(60_000);
    assertEquals(1L, parse("{\"" + name + "\":1}").get(name));
  }

  static Stream<String> nestings() {
    return Stream.of("[", "{\"k\":");
  }

  @ParameterizedTest
  @MethodSource("nestings")
  void allowsThirtyTwoLevelsAndNoMore(String open) throws Exception {
    String close = open.equals("[") ? "]" : "}";
    String deepest = open.repeat(31) + "1" + close.repeat(31);
    assertEquals(1, parse("{\"k\":" + deepest + "}").size());
    assertBadFrame(RawFrames.utf8("{\"k\":" + open + deepest + close + "}"));
    assertBadFrame(RawFrames.utf8("{\"k\":" + open.repeat(9_000)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "80", // a continuation without a start
        "ff",
        "fe",
        "c0af", // overlong /
        "c180",
        "e080af",
        "f08080af",
        "eda080", // U+D800
        "edbfbf", // U+DFFF
        "eda0bdedb880", // CESU-8 of a smile
        "f4908080", // U+110000
        "f5808080",
        "f8a0808080",
        "c3", // cut
        "e282",
        "f09f98",
      })
  void refusesWhatIsNotUtf8(String hex) {
    byte[] bad = HexFormat.of().parseHex(hex);
    assertBadFrame(RawFrames.concat(RawFrames.utf8("{\"a\":\""), bad, RawFrames.utf8("\"}")));
    assertBadFrame(RawFrames.concat(RawFrames.utf8("{\""), bad, RawFrames.utf8("\":1}")));
    assertBadFrame(RawFrames.concat(RawFrames.utf8("{}"), bad));
    assertBadFrame(
        RawFrames.concat(RawFrames.utf8("{\"\ufffd\":\"\ufffd"), bad, RawFrames.utf8("\"}")));
  }

  @ParameterizedTest
  @ValueSource(strings = {"UTF-16LE", "UTF-16BE", "UTF-16", "UTF-32LE", "UTF-32BE"})
  void refusesOtherEncodings(String charset) {
    assertBadFrame("{\"a\":1}".getBytes(Charset.forName(charset)));
  }

  @Test
  void readsEveryCharacterThatUtf8Holds() throws Exception {
    StringBuilder all = new StringBuilder();
    for (int c = 0x20; c <= Character.MAX_CODE_POINT; c += c < 0x300 ? 1 : 97) {
      if (c != '"' && c != '\\' && (c < 0xD800 || c > 0xDFFF)) {
        all.appendCodePoint(c);
      }
    }
    all.append("\u007f\ufffd\ufffe\uffff\ufeff");
    assertEquals(all.toString(), parse("{\"a\":\"" + all + "\"}").get("a"));
  }

  @Test
  void takesNamesMadeToCollideInAHashTable() throws Exception {
    // Each a string of pairs that weigh the same in a polynomial hash by 33: 97*33+98 = 98*33+65.
    for (int bits = 8; bits <= 11; bits++) {
      StringJoiner object = new StringJoiner(",", "{", "}");
      for (int name = 0; name < 1 << bits; name++) {
        StringBuilder text = new StringBuilder();
        for (int bit = 0; bit < bits; bit++) {
          text.append((name >>> bit & 1) == 0 ? "ab" : "bA");
        }
        object.add("\"" + text + "\":1");
      }
      for (int round = 0; round < 3; round++) {
        assertEquals(1 << bits, parse(object.toString()).size());
      }
    }
  }

  @Test
  void tellsIllFormedStrings() {
    assertFalse(Json.isIllFormed(""));
    assertFalse(Json.isIllFormed("aé\ufffd\ud83d\ude00"));
    for (String half :
        List.of("\ud83d", "\ude00", "\ude00\ud83d", "a\ud83db", "\ud83d\ud83d\ude00")) {
      assertTrue(Json.isIllFormed(half));
    }
  }

  @Test
  void measuresStringsAsLongAsTheyAreWritten() throws Exception {
    for (String text : List.of("", "plain", "\"\\", "\0\u0001\u001f\n", "éß", "\uffff€", "😀x😀")) {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      try (var json = Json.generator(out)) {
        json.writeString(text);
      }
      int written = out.size() - 2;
      assertTrue(Json.length(text) >= written, text);
      assertTrue(
          Json.length(text) <= written + 4 * text.chars().filter(c -> c < ' ').count(), text);
    }
  }

  private static Map<String, Object> parse(String text) throws ProtocolException {
    return Json.parseObject(text.getBytes(StandardCharsets.UTF_8));
  }

  private static ProtocolException assertBadFrame(byte[] bytes) {
    ProtocolException e = assertThrows(ProtocolException.class, () -> Json.parseObject(bytes));
    assertEquals(ErrorCode.BAD_FRAME, e.code());
    return e;
  }
}
