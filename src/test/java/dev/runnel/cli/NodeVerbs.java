package dev.runnel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.runnel.server.TestNode;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** Verbs with a real node, which is there for all tests of a class. */
@NullMarked
@SuppressWarnings("NullAway.Init") // Made before any test.
abstract class NodeVerbs {
  private static TestNode node;

  @BeforeAll
  static void open() {
    node = new TestNode();
  }

  @AfterAll
  static void close() {
    node.close();
  }

  static int port() {
    return node.port();
  }

  static int run(Client client, String... words) {
    List<String> all = new ArrayList<>(List.of(words));
    all.addAll(1, List.of("-H", "127.0.0.1:" + node.port()));
    return client.run(all.toArray(String[]::new));
  }

  static void start(String job, String line, String... options) {
    List<String> words = new ArrayList<>(List.of("run", "--job", job));
    words.addAll(List.of(options));
    words.addAll(List.of("-c", line));
    Client client = new Client();
    assertEquals(0, run(client, words.toArray(String[]::new)), client.err());
  }
}
