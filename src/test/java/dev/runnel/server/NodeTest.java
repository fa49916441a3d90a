package dev.runnel.server;

import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;

/** A node for all tests of a class, and clients that are closed after each. */
@SuppressWarnings("NullAway.Init") // The node is there before any test.
abstract class NodeTest {
  private static TestNode node;

  private final List<Closeable> toClose = new ArrayList<>();

  @BeforeAll
  static void openNode() {
    node = new TestNode();
  }

  @AfterAll
  static void closeNode() {
    node.close();
  }

  @AfterEach
  void closeClients() throws IOException {
    for (Closeable closeable : toClose) {
      closeable.close();
    }
  }

  static TestNode node() {
    return node;
  }

  /** A new connection to the node. */
  RawClient connect() throws IOException {
    return closed(node.connect());
  }

  /** Has it closed after the test. */
  <T extends Closeable> T closed(T closeable) {
    toClose.add(closeable);
    return closeable;
  }
}
