package dev.runnel.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.runnel.wire.Vectors.Vector;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The vectors in clients/conformance, for clients in other languages, are those of PROTOCOL.md. */
@Tag("either")
class ConformanceDataTest {
  private static final Path VECTORS = Path.of("clients", "conformance", "vectors.json");

  @Test
  void vectorsAreThoseOfTheProtocol() throws Exception {
    List<List<String>> expected = new ArrayList<>();
    for (Vector vector : Vectors.all()) {
      expected.add(
          List.of(
              vector.sender().name().toLowerCase(Locale.ROOT),
              vector.name(),
              String.valueOf(vector.text()),
              String.valueOf(vector.error()),
              HexFormat.of().formatHex(vector.bytes())));
    }
    List<List<String>> actual = new ArrayList<>();
    for (JsonNode vector : new ObjectMapper().readTree(VECTORS.toFile())) {
      actual.add(
          List.of(
              vector.path("sender").asText(),
              vector.path("name").asText(),
              vector.path("text").asText("null"),
              vector.path("error").asText("null"),
              vector.path("hex").asText()));
    }
    assertEquals(expected, actual);
  }
}
