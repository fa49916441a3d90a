package dev.runnel.process.engine;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.runnel.model.ExitStatus;
import dev.runnel.model.StartFailure;
import dev.runnel.model.Stream;
import dev.runnel.process.NativeMemory;
import dev.runnel.process.OsProcess;
import dev.runnel.process.ProcessListener;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A listener that writes everything down. The pump calls it; tests read it from their own thread,
 * hence the lock.
 */
public class Recorder implements ProcessListener {
  private static final int ROOM_BYTES = 64 * 1024;

  private final MemorySegment room = NativeMemory.allocate(ROOM_BYTES);
  private final Map<Stream, ByteArrayOutputStream> output = new EnumMap<>(Stream.class);
  private final Set<Stream> closed = EnumSet.noneOf(Stream.class);
  private final List<String> events = new ArrayList<>();
  private final Deque<byte[]> input = new ArrayDeque<>();
  private @Nullable MemorySegment pending;
  private @Nullable OsProcess process;
  private @Nullable StartFailure failure;
  private @Nullable String refusal;
  private @Nullable ExitStatus status;
  private @Nullable Duration cpu;
  private long roomLeft = Long.MAX_VALUE;
  private long inputTaken;

  Recorder() {
    output.put(Stream.STDOUT, new ByteArrayOutputStream());
    output.put(Stream.STDERR, new ByteArrayOutputStream());
  }

  // What a test sets up.

  /** To be written to stdin, in this order, when fed. */
  synchronized void offer(byte[] bytes) {
    input.add(bytes);
  }

  /** How many bytes of output may come from now on. */
  synchronized void setRoom(long bytes) {
    roomLeft = bytes;
  }

  // What a test reads.

  synchronized OsProcess process() {
    if (process == null) {
      throw new IllegalStateException("not started: " + events);
    }
    return process;
  }

  public synchronized @Nullable ExitStatus status() {
    return status;
  }

  synchronized @Nullable Duration cpu() {
    return cpu;
  }

  synchronized @Nullable StartFailure failure() {
    return failure;
  }

  synchronized @Nullable String refusal() {
    return refusal;
  }

  /** The name of the error and the step that failed, such as {@code ENOENT exec}. */
  synchronized String failureText() {
    return failure == null ? "none: " + events : failure.errno() + " " + failure.at().wireName();
  }

  synchronized byte[] bytes(Stream stream) {
    return written(stream).toByteArray();
  }

  synchronized String text(Stream stream) {
    return written(stream).toString(UTF_8);
  }

  synchronized long count(Stream stream) {
    return written(stream).size();
  }

  synchronized long inputTakenBytes() {
    return inputTaken;
  }

  public synchronized List<String> events() {
    return List.copyOf(events);
  }

  public synchronized boolean has(String event) {
    return events.contains(event);
  }

  /** The process and both streams have ended, or there was no process. */
  public synchronized boolean isOver() {
    return isUnstarted() || (has("exited") && closed.containsAll(streams()));
  }

  synchronized boolean isUnstarted() {
    return has("startFailed") || has("startRefused") || has("startVoided");
  }

  Set<Stream> streams() {
    return EnumSet.allOf(Stream.class);
  }

  private ByteArrayOutputStream written(Stream stream) {
    return Objects.requireNonNull(output.get(stream));
  }

  // What the pump calls.

  @Override
  public synchronized void started(OsProcess process) {
    events.add("started");
    this.process = process;
  }

  @Override
  public synchronized void startFailed(StartFailure failure) {
    events.add("startFailed");
    this.failure = failure;
  }

  @Override
  public synchronized void startRefused(String why) {
    events.add("startRefused");
    this.refusal = why;
  }

  @Override
  public synchronized void startVoided() {
    events.add("startVoided");
  }

  @Override
  public synchronized @Nullable MemorySegment reserve(Stream stream) {
    return roomLeft == 0 ? null : room.asSlice(0, Math.min(roomLeft, ROOM_BYTES));
  }

  @Override
  public synchronized void commit(Stream stream, int bytes) {
    roomLeft -= bytes;
    keep(stream, room.asSlice(0, bytes));
  }

  synchronized void keep(Stream stream, MemorySegment bytes) {
    written(stream).writeBytes(bytes.toArray(ValueLayout.JAVA_BYTE));
  }

  @Override
  public synchronized void outputClosed(Stream stream) {
    events.add("closed " + stream.wireName());
    closed.add(stream);
  }

  @Override
  public synchronized @Nullable MemorySegment pendingInput() {
    if (pending == null && !input.isEmpty()) {
      byte[] next = input.remove();
      pending = NativeMemory.allocate(next.length);
      pending.copyFrom(MemorySegment.ofArray(next));
    }
    return pending;
  }

  @Override
  public synchronized void inputTaken(int bytes) {
    inputTaken += bytes;
    MemorySegment rest = Objects.requireNonNull(pending);
    pending = rest.byteSize() == bytes ? null : rest.asSlice(bytes);
  }

  @Override
  public synchronized void inputBroken() {
    events.add("inputBroken");
  }

  @Override
  public synchronized void killedForMemory() {
    events.add("killedForMemory");
  }

  @Override
  public synchronized void exited(ExitStatus status, @Nullable Duration cpu) {
    events.add("exited");
    this.status = status;
    this.cpu = cpu;
  }

  @Override
  public synchronized void lost() {
    events.add("lost");
  }
}
