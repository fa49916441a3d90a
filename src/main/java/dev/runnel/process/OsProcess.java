package dev.runnel.process;

import dev.runnel.model.Leftover;
import dev.runnel.model.Signal;
import dev.runnel.model.TerminalSize;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;

/** A started process, the leader of its session. To be called on the pump only. */
public interface OsProcess {
  int pid();

  /** Goes on reading output after {@code reserve} had no room. */
  void resumeOutput();

  /**
   * Reads what the pipes hold at this moment, as long as {@code reserve} gives room, then closes
   * them; {@code outputClosed} for each that was open comes before the return.
   */
  void endOutput();

  /**
   * Closes nothing, but from now on reads into nowhere: neither {@code reserve} nor {@code commit}
   * nor {@code outputClosed} is called again. For processes that are kept beyond their job: once
   * the leader has ended, too, the engine lets go of its session, and finds nobody in it any more.
   */
  void discardOutput();

  /** Asks for {@code pendingInput} again. Ignored without a stdin pipe and after closeInput. */
  void feed();

  /**
   * The process sees end of file once it has read what was fed; what {@code pendingInput} still
   * holds is not written. At a terminal its character for that is typed, and {@code pendingInput}
   * is not asked again. Idempotent.
   */
  void closeInput();

  /**
   * Sends a signal to the leader's process group, and to that in the foreground of its terminal,
   * which may take some milliseconds longer. Does nothing once the leader is reaped and its group
   * empty.
   *
   * @return whether there was anybody to get it
   */
  boolean signal(Signal signal);

  /** Gives its terminal another size. Does nothing without one. */
  void resize(TerminalSize size);

  /**
   * Finds who is left of the session besides the leader, without touching them. Answers on the
   * pump, perhaps before the return.
   */
  void survivors(Consumer<Survivors> answer);

  /**
   * Ends the whole session, leader included: TERM (at a terminal HUP before it; and CONT), after
   * the grace KILL, until a look finds none. Answers on the pump when they are gone, with those
   * that outlived the leader; or, if some are beyond signals, after several seconds of KILL, with
   * these as not ended. A call while one is under way shortens its grace to the smaller one and is
   * answered with it.
   */
  void clear(Duration grace, Consumer<Survivors> answer);

  /**
   * Processes that outlived the leader.
   *
   * @param listed at most {@link dev.runnel.model.End#MAX_LEFTOVERS}
   * @param total how many there were
   */
  record Survivors(List<Leftover> listed, int total) {
    public static final Survivors NONE = new Survivors(List.of(), 0);

    public Survivors {
      listed = List.copyOf(listed);
    }
  }
}
