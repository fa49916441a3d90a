package dev.runnel.security.identity;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CidrListTest {
  @ParameterizedTest
  @CsvSource({
    "10.0.0.0/8, 10.255.0.1, true",
    "10.0.0.0/8, 11.0.0.1, false",
    "192.0.2.128/25, 192.0.2.200, true",
    "192.0.2.128/25, 192.0.2.127, false",
    "192.0.2.1, 192.0.2.1, true",
    "192.0.2.1, 192.0.2.2, false",
    "0.0.0.0/0, 203.0.113.9, true",
    "0.0.0.0/0, 2001:db8::1, false",
    "2001:db8::/33, 2001:db8:7fff::1, true",
    "2001:db8::/33, 2001:db8:8000::1, false",
    "::/0, 2001:db8::1, true",
    "10.0.0.0/8, unix, false",
  })
  void containAddressesOfTheSameFirstBits(String network, String address, boolean contains) {
    assertEquals(contains, CidrList.of(List.of("198.51.100.7", network)).contains(address));
  }

  @Test
  void noneContainNothing() {
    assertFalse(CidrList.NONE.contains("192.0.2.1"));
    assertTrue(CidrList.of(List.of(" 192.0.2.1 ")).contains("192.0.2.1"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          10.0.0.0/33 | 10.0.0.0/33: bits: 33 (expected: from 0 to 32)
          10.0.0.0/-1 | 10.0.0.0/-1: bits: -1 (expected: from 0 to 32)
          10.0.0.0/x  | 10.0.0.0/x: bits: (expected: a number after the slash)
          ten         | ten: no network (expected: 10.0.0.0/8, say)
          10.0.0.x/8  | 10.0.0.x/8: no network (expected: 10.0.0.0/8, say)
          ''          | : no network (expected: 10.0.0.0/8, say)
          """)
  void whatIsNoneIsNamed(String text, String message) {
    assertEquals(
        message,
        assertThrows(IllegalArgumentException.class, () -> CidrList.of(List.of(text)))
            .getMessage());
  }
}
