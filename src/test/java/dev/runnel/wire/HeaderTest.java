package dev.runnel.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.ErrorCode;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** PROTOCOL.md, section 1: lengths, {@code total_size}, {@code id}. */
class HeaderTest {

  @ParameterizedTest
  @ValueSource(longs = {2, 3, 65_535, 65_536})
  void takesLengthsWithinBounds(long length) throws Exception {
    assertEquals(length, Header.checkLength(length));
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 1})
  void refusesLengthsThatNoObjectHas(long length) {
    assertEquals(ErrorCode.BAD_FRAME, lengthError(length).code());
  }

  @ParameterizedTest
  @ValueSource(longs = {65_537, 0x7FFFFFFFL, 0x80000000L, 0xFFFFFFFFL})
  void refusesLongerHeadersAndSaysHowLong(long length) {
    ProtocolException e = lengthError(length);
    assertEquals(ErrorCode.HEADER_TOO_LARGE, e.code());
    assertEquals("header: " + length + " bytes (limit: 65536)", e.getMessage());
  }

  /** What speaks TLS, SSH or HTTP to a plain port is known by how it begins. */
  @Test
  void namesWhatOtherProtocolsBeginWith() {
    assertTrue(lengthError(16_974_614L).getMessage().endsWith("; looks like TLS)"));
    assertTrue(lengthError(0x00030315L).getMessage().endsWith("; looks like TLS)"));
    assertTrue(lengthError(759_714_643L).getMessage().endsWith("; the first bytes are \"SSH-\")"));
    assertTrue(lengthError(0x50545448L).getMessage().endsWith("; the first bytes are \"HTTP\")"));
    assertTrue(lengthError(0x20544547L).getMessage().endsWith("; the first bytes are \"GET \")"));
    // It may be a secret.
    assertEquals(
        "header: " + 0x74726573L + " bytes (limit: 65536)", lengthError(0x74726573L).getMessage());
  }

  private static ProtocolException lengthError(long length) {
    return assertThrows(ProtocolException.class, () -> Header.checkLength(length));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 131_071, 131_072})
  void takesBodiesWithinBounds(int size) throws Exception {
    assertEquals(size, parse("{\"total_size\":" + size + "}").totalSize());
  }

  @ParameterizedTest
  @ValueSource(longs = {131_073, 0x7FFFFFFFL, 0x80000000L, 0xFFFFFFFFL, 9007199254740991L})
  void refusesLargerBodiesAndSaysHowLarge(long size) {
    ProtocolException e = error("{\"total_size\":" + size + "}");
    assertEquals(ErrorCode.BODY_TOO_LARGE, e.code());
    assertEquals("body: " + size + " bytes (limit: 131072)", e.getMessage());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "-1",
        "-131072",
        "-9007199254740991",
        "-9007199254740992",
        "-0",
        "01",
        "0.0",
        "1.0",
        "1e3",
        "0.5",
        "9007199254740992",
        "9223372036854775808",
        "18446744073709551616",
        "1e400",
        "true",
        "false",
        "null",
        "\"\"",
        "\"6\"",
        "[6]",
        "{\"total_size\":6}",
      })
  void refusesATotalSizeThatIsNone(String value) {
    assertEquals(ErrorCode.BAD_FRAME, error("{\"total_size\":" + value + "}").code());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"{}", "{\"type\":\"ping\"}", "{\"Total_size\":0}", "{\"x-a\":{\"total_size\":0}}"})
  void refusesAHeaderWithoutTotalSize(String header) {
    ProtocolException e = error(header);
    assertEquals(ErrorCode.BAD_FRAME, e.code());
    assertTrue(e.getMessage().contains("total_size: missing"), e.getMessage());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"total_size\":0,\"total_size\":0}",
        "{\"total_size\":1,\"total_size\":2}",
        "{\"total_size\":0,\"total\\u005fsize\":0}",
      })
  void refusesTotalSizeTwice(String header) {
    ProtocolException e = error(header);
    assertEquals(ErrorCode.BAD_FRAME, e.code());
    assertTrue(e.getMessage().contains("duplicate key"), e.getMessage());
  }

  @Test
  void countsAnIdInBytes() throws Exception {
    String longest = "é".repeat(32);
    assertEquals(longest, parse("{\"id\":\"" + longest + "\",\"total_size\":0}").id());
    assertEquals("x".repeat(64), parse(withId("\"" + "x".repeat(64) + "\"")).id());
    assertEquals("", parse(withId("\"\"")).id());
    assertNull(parse("{\"total_size\":0}").id());
    assertEquals(ErrorCode.BAD_FRAME, error(withId("\"" + longest + "x\"")).code());
    assertEquals(ErrorCode.BAD_FRAME, error(withId("\"" + "x".repeat(65) + "\"")).code());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"1", "0", "1.5", "true", "null", "[]", "{}", "\"\\ud83d\"", "\"\\ude00x\""})
  void refusesAnIdThatNoAnswerCouldRepeat(String id) {
    assertEquals(ErrorCode.BAD_FRAME, error(withId(id)).code());
  }

  private static String withId(String id) {
    return "{\"id\":" + id + ",\"total_size\":0}";
  }

  @Test
  void tellsWhichKeysThereAre() throws Exception {
    Header header = parse("{\"type\":null,\"total_size\":0}");
    assertEquals(Set.of("type", "total_size"), header.keys());
    assertTrue(header.has("type"));
    assertTrue(!header.has("id"));
  }

  @Test
  void showsLittleOfALongValue() {
    ProtocolException e = error("{\"total_size\":\"" + "9".repeat(60_000) + "\"}");
    assertTrue(e.getMessage().length() < 200, e.getMessage());
  }

  private static Header parse(String text) throws ProtocolException {
    return Header.parse(RawFrames.utf8(text));
  }

  private static ProtocolException error(String text) {
    return assertThrows(ProtocolException.class, () -> parse(text));
  }
}
