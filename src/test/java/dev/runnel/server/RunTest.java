package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.zip.CRC32;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A command from its frame to its end, over a socket. */
@Tag("also-root")
class RunTest {
  private static TestNode node;

  @BeforeAll
  static void open() {
    node = new TestNode();
  }

  @AfterAll
  static void close() {
    node.close();
  }

  @Test
  void smallestRequestRunsAShellLine() throws Exception {
    try (RawClient client = node.connect()) {
      client.send("", "echo out; echo err >&2; exit 3");
      RawClient.Ran ran = client.finish();
      assertEquals("out\n", ran.out());
      assertEquals("err\n", ran.err());
      assertEquals("end", ran.end().path("type").asText());
      assertEquals("exited", ran.end().path("outcome").asText());
      assertEquals(3, ran.end().path("exit_code").asInt());
      assertFalse(ran.end().has("id"));
    }
  }

  @Test
  void endCountsAndChecksumsBothStreams() throws Exception {
    try (RawClient client = node.connect()) {
      client.send("\"id\":\"a\"", "seq 1 200000; seq 1 1000 >&2");
      RawClient.Ran ran = client.finish();
      assertEquals(ran.stdout().length, ran.end().path("stdout").path("bytes").asLong());
      assertEquals(crc(ran.stdout()), ran.end().path("stdout").path("crc32").asLong());
      assertEquals(crc(ran.stderr()), ran.end().path("stderr").path("crc32").asLong());
      assertEquals(
          ran.stdout().length + ran.stderr().length, ran.end().path("output_bytes").asLong());
      assertTrue(ran.end().path("drained").asBoolean());
    }
  }

  private static long crc(byte[] bytes) {
    CRC32 crc = new CRC32();
    crc.update(bytes);
    return crc.getValue();
  }
}
