package dev.runnel.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.Stream;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.streams.ReadStream;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import org.junit.jupiter.api.Test;

/** What a consumer is given, and how far it is said to have consumed. */
class OutputSplitterTest {
  private static final int MAX_KEPT = 4;

  private final Queue<Runnable> later = new ArrayDeque<>();
  private final List<Long> consumed = new ArrayList<>();
  private final OutputSplitter output =
      new OutputSplitter(consumed::add, later::add, MAX_KEPT, _ -> {});
  private final List<String> seen = new ArrayList<>();
  private long offset;

  @Test
  void nothingIsConsumedBeforeItIsHandled() {
    add(Stream.STDOUT, "a");
    ReadStream<Buffer> stdout = output.one(Stream.STDOUT);
    assertEquals(List.of(), consumed);
    stdout.handler(this::see);
    assertEquals(List.of("a"), seen);
    assertEquals(List.of(1L), consumed);
  }

  @Test
  void consumedIsOnlyWhatWasConsumedOfBoth() {
    output.one(Stream.STDOUT).handler(this::see);
    ReadStream<Buffer> stderr = output.one(Stream.STDERR);
    add(Stream.STDERR, "e");
    add(Stream.STDOUT, "o");
    assertEquals(List.of(), consumed);
    stderr.handler(this::see);
    assertEquals(List.of("o", "e"), seen);
    assertEquals(List.of(2L), consumed);
  }

  @Test
  void streamThatNobodyAskedForIsKeptAndHoldsNobodyBack() {
    output.one(Stream.STDOUT).handler(this::see);
    add(Stream.STDERR, "abcd");
    add(Stream.STDOUT, "o");
    assertEquals(List.of(4L, 5L), consumed);
    output.one(Stream.STDERR).handler(this::see);
    add(Stream.STDERR, "e");
    assertEquals(List.of("o", "abcd", "e"), seen);
  }

  @Test
  void whoAsksForWhatWasNotKeptIsTold() {
    output.one(Stream.STDOUT).handler(this::see);
    add(Stream.STDERR, "abcd");
    add(Stream.STDERR, "e");
    assertEquals(List.of(4L, 5L), consumed);
    output.one(Stream.STDERR).exceptionHandler(this::seeFailure).handler(this::see);
    add(Stream.STDERR, "more");
    output.end(null);
    assertEquals(List.of("stderr: 5 bytes, not kept as nobody asked for it"), seen);
    assertEquals(9L, consumed.getLast());
  }

  @Test
  void discardedIsWhatNobodyAskedFor() {
    add(Stream.STDOUT, "o");
    output.one(Stream.STDERR).handler(this::see);
    output.discard();
    add(Stream.STDERR, "e");
    assertEquals(List.of("e"), seen);
    assertEquals(2L, consumed.getLast());
    output.one(Stream.STDOUT).exceptionHandler(this::seeFailure);
    assertEquals("stdout: 1 bytes, not kept as nobody asked for it", seen.getLast());
  }

  @Test
  void failureIsToldToWhoeverComesLater() {
    output.end(new CommandException.NodeLost("the node is silent"));
    output.one(Stream.STDOUT).endHandler(_ -> seen.add("end")).exceptionHandler(this::seeFailure);
    assertEquals(List.of("the node is silent"), seen);
  }

  @Test
  void afterAHandlerThatThrowsTheRestComesInALaterTurn() {
    add(Stream.STDOUT, "a");
    add(Stream.STDOUT, "b");
    output.end(null);
    ReadStream<Buffer> stdout = output.one(Stream.STDOUT);
    stdout.endHandler(_ -> seen.add("end"));
    assertThrows(
        IllegalStateException.class,
        () ->
            stdout.handler(
                piece -> {
                  see(piece);
                  if (seen.size() == 1) {
                    throw new IllegalStateException("a fault, thrown by a test");
                  }
                }));
    assertEquals(List.of("a"), seen);
    later.remove().run();
    assertEquals(List.of("a", "b", "end"), seen);
    assertEquals(List.of(1L, 2L), consumed);
  }

  @Test
  void streamsAreReadTogetherOrEachByItself() {
    output.both();
    assertThrows(IllegalStateException.class, () -> output.one(Stream.STDOUT));
    OutputSplitter other = new OutputSplitter(consumed::add, later::add, MAX_KEPT, _ -> {});
    other.one(Stream.STDERR);
    assertThrows(IllegalStateException.class, other::both);
    assertTrue(later.isEmpty());
  }

  private void add(Stream stream, String text) {
    output.add(new JobOutput(stream, offset, Buffer.buffer(text)));
    offset += text.length();
  }

  private void see(Buffer piece) {
    seen.add(piece.toString());
  }

  private void seeFailure(Throwable failure) {
    seen.add(String.valueOf(failure.getMessage()));
  }
}
