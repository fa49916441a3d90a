package dev.runnel.cli;

import dev.runnel.copy.CopyLog;
import dev.runnel.model.SafeText;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;

/**
 * Tells how a copy goes: problems as they come, and on a terminal a line with what was moved, how
 * fast, and how long the rest takes. Threads of its own draw and count; all others only tell.
 */
final class CopyProgress implements CopyLog {
  private static final long PAUSE_MILLIS = 500;
  private static final int MAX_NAME = 40;
  private static final String CLEAR = "\r\033[K";

  private final OutputDescriptor err;
  private final boolean shown;
  private final AtomicLong moved = new AtomicLong();
  private final long begin = System.nanoTime();
  private volatile String name = "";

  /** In bytes; 0: it is not known. */
  private volatile long expected;

  private boolean drawn;
  private boolean over;

  CopyProgress(OutputDescriptor err, boolean quiet) {
    this.err = err;
    this.shown = !quiet && err.isTerminal();
    if (shown) {
      start(this::draw, "progress");
    }
  }

  private static void start(Runnable task, String name) {
    Thread thread = new Thread(task, name);
    thread.setDaemon(true);
    thread.start();
  }

  /** All of these will be copied. */
  void expect(List<Path> paths) {
    if (shown) {
      start(() -> expected = paths.stream().mapToLong(CopyProgress::length).sum(), "sizes");
    }
  }

  private static long length(Path path) {
    try (Stream<Path> all = Files.walk(path)) {
      return all.filter(file -> Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS))
          .mapToLong(file -> file.toFile().length())
          .sum();
    } catch (IOException | UncheckedIOException _) {
      return 0;
    }
  }

  @Override
  public synchronized void problem(String line) {
    clear();
    err.tryPrintLine("runnel cp", line);
  }

  @Override
  public void moved(long bytes) {
    moved.addAndGet(bytes);
  }

  @Override
  public void begun(String file) {
    name = file;
  }

  /** Draws nothing any more. */
  synchronized void end() {
    clear();
    over = true;
  }

  private void clear() {
    if (drawn) {
      tryPrint(CLEAR);
      drawn = false;
    }
  }

  private void tryPrint(String text) {
    try {
      err.print(text);
    } catch (Failure _) {
      // Nobody looks.
    }
  }

  private void draw() {
    try {
      while (true) {
        TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS);
        synchronized (this) {
          if (over) {
            return;
          }
          tryPrint(CLEAR + line(name, moved.get(), expected, System.nanoTime() - begin));
          drawn = true;
        }
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  static String line(String name, long moved, long expected, long nanos) {
    String shown = SafeText.oneLine(name);
    int from = Math.max(0, shown.length() - MAX_NAME);
    double seconds = Math.max(1, nanos / 1_000_000) / 1_000.0;
    long rate = (long) (moved / seconds);
    String left =
        expected <= moved || rate == 0
            ? ""
            : "  " + JobsVerb.age(Duration.ofSeconds((expected - moved) / rate)) + " left";
    return shown.substring(from) + "  " + Sizes.show(moved) + "  " + Sizes.show(rate) + "/s" + left;
  }
}
