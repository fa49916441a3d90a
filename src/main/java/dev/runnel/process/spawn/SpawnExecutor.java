package dev.runnel.process.spawn;

import dev.runnel.model.CommandSpec;
import dev.runnel.model.StartFailure;
import dev.runnel.model.StartFailure.At;
import dev.runnel.process.loop.ProcessLoop;
import dev.runnel.process.sys.CommandExcerpt;
import dev.runnel.process.sys.EngineLog;
import dev.runnel.threads.HangTolerantPool;
import java.time.Duration;

/**
 * The threads that make processes. A start that hangs is set aside, with its thread, and has failed
 * after the limit; those of one account, and of one place, can't take all threads. Threads of
 * others may make some themselves.
 */
public final class SpawnExecutor {
  /** At work at once. */
  public static final int MAX_THREADS = 16;

  /** That hang, beside those. */
  static final int MAX_ASIDE = 32;

  /** More are made when they are needed; without any, nothing could be started. */
  private static final int MADE_AT_ONCE = 2;

  private final StartTask maker;
  private final ProcessLoop pump;
  private final Duration limit;
  private final HangTolerantPool crew;

  /**
   * @param limit after which nobody waits for a start any more
   */
  public SpawnExecutor(StartTask maker, ProcessLoop pump, Duration limit) {
    this.maker = maker;
    this.pump = pump;
    this.limit = limit;
    this.crew =
        new HangTolerantPool(
            "runnel-spawner",
            new HangTolerantPool.Terms("starts", MAX_THREADS, MAX_ASIDE, limit),
            pump::schedule);
    crew.start(MADE_AT_ONCE);
  }

  /** Returns at once. Any thread. */
  public void submit(StartRequest start) {
    crew.submit(new Making(start));
  }

  /** Makes it on the calling thread, which it may hold up. Not on the pump. */
  public void makeHere(StartRequest start) {
    crew.runHere(new Making(start));
  }

  /** Refuses what has not begun, and waits for the rest, at most so long. Not on the pump. */
  public void close(Duration patience) throws InterruptedException {
    crew.close(patience);
  }

  private final class Making implements HangTolerantPool.Work {
    private final StartRequest start;
    private final HangTolerantPool.Account account;

    private Making(StartRequest start) {
      this.start = start;
      this.account =
          new HangTolerantPool.Account(start.listener().account(), place(start.command()));
    }

    @Override
    public HangTolerantPool.Account account() {
      return account;
    }

    @Override
    public boolean isWanted() {
      return start.listener().isWanted();
    }

    @Override
    public void run() {
      maker.make(start);
    }

    @Override
    public void refused(String why) {
      String reason = why.equals(HangTolerantPool.CLOSED) ? "the process engine is closed" : why;
      if (start.decide()) {
        pump.execute(() -> start.listener().startRefused(reason));
      }
    }

    @Override
    public void dropped() {
      if (start.decide()) {
        pump.execute(() -> start.listener().startVoided());
      }
    }

    @Override
    public void overdue() {
      if (start.decide()) {
        String what = "exec " + CommandExcerpt.of(start.command().argv().getFirst().toString());
        String message = what + ": no answer from the system in " + limit.toMillis() + " ms";
        StartFailure failure = new StartFailure("ETIMEDOUT", At.EXEC, message);
        pump.execute(() -> start.listener().startFailed(failure));
      }
    }

    @Override
    public void failed(Throwable thrown) {
      EngineLog.report("start failed job=" + start.job(), thrown);
      refused("internal error: " + thrown);
    }
  }

  /** What a start looks at first: its working directory, and where its program is. */
  private static String place(CommandSpec command) {
    String program = command.argv().getFirst().toString();
    int slash = program.lastIndexOf('/');
    String folder = slash < 0 ? command.env().get("PATH") : program.substring(0, slash);
    return command.cwd() + "\0" + folder;
  }
}
