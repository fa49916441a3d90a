package dev.runnel.job;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.End;
import dev.runnel.model.Role;
import dev.runnel.model.Stream;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** Follows a job; reads, keeps and gives back what the test tells it to. */
final class TestFollower implements JobListener {
  private final Job job;
  private final LogReader reader;
  private final ByteArrayOutputStream stdout = new ByteArrayOutputStream();
  private final ByteArrayOutputStream stderr = new ByteArrayOutputStream();
  private final List<Held> held = new ArrayList<>();
  private final boolean isRunner;
  private Runnable onSeated = () -> {};
  private Runnable onWake = () -> {};
  private Witness witness = (_, _, _) -> {};
  private int wakes;

  /** Sees whatever is read. */
  interface Witness {
    void saw(long offset, Stream stream, byte[] bytes);
  }

  TestFollower(Job job) {
    this(job, SubscribeOptions.run(OptionalLong.empty(), SubscribeOptions.Existence.NEW));
  }

  private TestFollower(Job job, SubscribeOptions how) {
    this.job = job;
    this.isRunner = how.role() == Role.RUNNER;
    try {
      this.reader = job.follow(this, how);
    } catch (RejectedException e) {
      throw new AssertionError(e);
    }
  }

  /** Who takes the seat of a job that is there. */
  static TestFollower takeSeat(Job job, long from) {
    OptionalLong none = OptionalLong.empty();
    return new TestFollower(
        job,
        new SubscribeOptions(
            Role.RUNNER, OptionalLong.of(from), none, SubscribeOptions.Existence.EXISTING));
  }

  /** Who only looks on. */
  static TestFollower watch(Job job, long from) {
    OptionalLong none = OptionalLong.empty();
    return new TestFollower(
        job,
        new SubscribeOptions(
            Role.WATCHER, OptionalLong.of(from), none, SubscribeOptions.Existence.EXISTING));
  }

  /** Has all that it reads from now on shown. */
  void showTo(Witness other) {
    witness = other;
  }

  /** Has that done once the seat is its own on the pump, too. */
  void onSeated(Runnable action) {
    onSeated = action;
  }

  Job job() {
    return job;
  }

  @Override
  public void wake() {
    wakes++;
    onWake.run();
  }

  /** Has that done at once whenever there is something new. */
  void onWake(Runnable action) {
    onWake = action;
  }

  @Override
  public void seated() {
    onSeated.run();
  }

  @Override
  public void replaced() {}

  /** How often it was told that there is something new. */
  int wakes() {
    return wakes;
  }

  long position() {
    return reader.position();
  }

  /** Reads and gives back all that is there. */
  void readAll() {
    while (hold(Integer.MAX_VALUE)) {
      closeHeld(held.size() - 1);
    }
    consumed();
  }

  /** Reads a piece and holds on to it; false: there is none. */
  boolean hold(int maxBytes) {
    long before = reader.position();
    LentSlice lease = reader.next(maxBytes);
    if (lease == null) {
      return false;
    }
    assertTrue(isRunner ? lease.offset() == before : lease.offset() >= before);
    assertEquals(reader.position(), lease.end());
    byte[] bytes = lease.bytes().toArray(ValueLayout.JAVA_BYTE);
    assertTrue(bytes.length > 0 && bytes.length <= maxBytes, () -> "bytes: " + bytes.length);
    (lease.stream() == Stream.STDOUT ? stdout : stderr).writeBytes(bytes);
    witness.saw(lease.offset(), lease.stream(), bytes);
    held.add(new Held(lease, bytes));
    return true;
  }

  int heldCount() {
    return held.size();
  }

  void closeHeld(int index) {
    held.remove(index).close();
  }

  void closeAllHeld() {
    while (!held.isEmpty()) {
      closeHeld(0);
    }
  }

  void consumed() {
    reader.consumed(reader.position());
  }

  void consumed(long offset) {
    reader.consumed(offset);
  }

  void leave() {
    job.leave(this, reader, RunnerSlot.Leaving.GONE);
  }

  void leaveTold() {
    job.leave(this, reader, RunnerSlot.Leaving.TOLD);
  }

  void detach() {
    job.leave(this, reader, RunnerSlot.Leaving.DETACHED);
  }

  @Nullable End endIfRead() {
    return reader.end();
  }

  /** The end, which must be there. */
  End end() {
    return Objects.requireNonNull(reader.end(), () -> "no end: " + job.state());
  }

  String text(Stream stream) {
    return new String(bytes(stream), StandardCharsets.US_ASCII);
  }

  byte[] bytes(Stream stream) {
    return (stream == Stream.STDOUT ? stdout : stderr).toByteArray();
  }

  /** What is lent, and what it was when it was lent. */
  private static final class Held {
    private final LentSlice lease;
    private final byte[] copy;

    Held(LentSlice lease, byte[] copy) {
      this.lease = lease;
      this.copy = copy;
    }

    // Whatever was written, unpinned or abandoned since: what is lent does not change.
    void close() {
      assertArrayEquals(copy, lease.bytes().toArray(ValueLayout.JAVA_BYTE));
      lease.close();
    }
  }
}
