package dev.runnel.process;

import dev.runnel.model.ExitStatus;
import dev.runnel.model.StartFailure;
import dev.runnel.model.Stream;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** The owner of a process. Every call but the first two comes on the pump; none may block. */
public interface ProcessListener {
  /**
   * Who answers for a start that hangs: what one account's starts may hold is bounded, so that
   * others find a thread. Any thread.
   */
  default String account() {
    return "";
  }

  /** Whether somebody still waits for the start. Any thread. */
  default boolean isWanted() {
    return true;
  }

  /** It runs. Comes before everything but the other three outcomes of a start. */
  void started(OsProcess process);

  /** The operating system would not start it. */
  void startFailed(StartFailure failure);

  /**
   * The engine would not try: closed, or too many starts hang already. Once it is closed this comes
   * on the caller's thread, as there is no pump.
   */
  void startRefused(String why);

  /** The claim was gone; nothing was started. */
  void startVoided();

  /**
   * Room for output of a stream, at least a byte; or null: there is none, read no more of either
   * stream until {@link OsProcess#resumeOutput}. The engine reads into it and then calls {@link
   * #commit}, at once and on this thread, or drops it.
   */
  @Nullable MemorySegment reserve(Stream stream);

  /** So many bytes were read into what {@link #reserve} gave for this stream. */
  void commit(Stream stream, int bytes);

  /** The stream's pipe is closed, by everybody who held it or by {@link OsProcess#endOutput}. */
  void outputClosed(Stream stream);

  /**
   * What to write to stdin next: at least a byte; or null: nothing until {@link OsProcess#feed}.
   */
  @Nullable MemorySegment pendingInput();

  /** So many bytes of {@link #pendingInput} went into the pipe. */
  void inputTaken(int bytes);

  /** The process reads no more. Comes at most once, and not after {@link OsProcess#closeInput}. */
  void inputBroken();

  /** The kernel killed the process for want of memory. Comes just before {@link #exited}. */
  void killedForMemory();

  /**
   * The process ended and was reaped; its pipes may still be open, and others of its session alive.
   * Comes once.
   *
   * @param cpu of the process and of those descendants that were waited for; null: not known
   */
  void exited(ExitStatus status, @Nullable Duration cpu);

  /**
   * One of these calls threw, or the kernel had no room to watch the process or a pipe: the process
   * and its session have been ended, and what they still wrote is gone. After the failure only
   * {@link #exited} came, if it had not before; after this comes nothing. If the failure came
   * before {@link #started}, this takes its place.
   */
  void lost();
}
