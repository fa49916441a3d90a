package dev.runnel.wire.vertx;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.net.UnknownHostException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NetworkReasonTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "bind(..) failed with error(-98): Address already in use | Address already in use",
        "finishConnect(..) failed with error(-111): Connection refused: /127.0.0.1:1 | Connection refused",
        "finishConnect(..) failed with error(-113): No route to host: a.b/192.0.2.1:7 | No route to host",
        "connection timed out after 10 ms: a/192.0.2.1:7 | connection timed out after 10 ms: a/192.0.2.1:7",
        "its certificate is not that of node a | its certificate is not that of node a"
      })
  void saysWhatAPersonCanActOn(String message, String words) {
    assertEquals(words, NetworkReason.of(new IOException(message)));
  }

  @Test
  void hostThatThereIsNotAndAFailureWithoutWords() {
    assertEquals("no such host", NetworkReason.of(new UnknownHostException("a: b, c")));
    assertEquals("IOException", NetworkReason.of(new IOException()));
  }
}
