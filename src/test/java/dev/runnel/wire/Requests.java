package dev.runnel.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.ErrorCode;
import dev.runnel.model.Request;

/** Decodes requests for tests; {@code keys} are those of the header but for {@code total_size}. */
final class Requests {
  private Requests() {}

  static Request decode(String keys) throws ProtocolException, RequestException {
    return decode(keys, new byte[0]);
  }

  static Request decode(String keys, String body) throws ProtocolException, RequestException {
    return decode(keys, RawFrames.utf8(body));
  }

  static Request decode(String keys, byte[] body) throws ProtocolException, RequestException {
    String header =
        "{" + keys + (keys.isEmpty() ? "" : ",") + "\"total_size\":" + body.length + "}";
    return RequestDecoder.decode(Header.parse(RawFrames.utf8(header)), body);
  }

  static void assertBad(String keys, String body, String named) {
    assertRefused(ErrorCode.BAD_REQUEST, keys, body, named);
  }

  /** Refused with this code, and the message has that in it. */
  static void assertRefused(ErrorCode code, String keys, String body, String named) {
    RequestException e =
        assertThrows(RequestException.class, () -> decode(keys, body), () -> "{" + keys + "}");
    assertEquals(code, e.code(), keys);
    assertTrue(e.getMessage().contains(named), e.getMessage());
  }

  /** The connection ends with this code, and the message has that in it. */
  static void assertCloses(ErrorCode code, String keys, String body, String named) {
    ProtocolException e =
        assertThrows(ProtocolException.class, () -> decode(keys, body), () -> "{" + keys + "}");
    assertEquals(code, e.code(), keys);
    assertTrue(e.getMessage().contains(named), e.getMessage());
  }
}
