package dev.runnel.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TraceContextTest {
  private static final String TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";

  @Test
  void nameOfTheTraceIsItsMiddle() {
    assertEquals(TRACE, new TraceContext("00-" + TRACE + "-00f067aa0ba902b7-01").traceId());
  }

  @Test
  void laterVersionMayGoOn() {
    assertTrue(TraceContext.isOne("cc-" + TRACE + "-00f067aa0ba902b7-01-what-comes"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "00",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.more",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-mo\nre",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
      })
  void otherTextIsNone(String text) {
    var refused = assertThrows(IllegalArgumentException.class, () -> new TraceContext(text));
    assertTrue(
        String.valueOf(refused.getMessage())
            .endsWith("(expected: a traceparent, VERSION-TRACE-PARENT-FLAGS)"));
  }

  @Test
  void longerThanAHeaderHasRoomForIsNone() {
    String text = "cc-" + TRACE + "-00f067aa0ba902b7-01-" + "x".repeat(201);
    assertThrows(IllegalArgumentException.class, () -> new TraceContext(text));
  }
}
