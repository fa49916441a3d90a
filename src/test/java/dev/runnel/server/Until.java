package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.locks.LockSupport;

/** Waiting for what will be so sooner or later. */
public final class Until {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private Until() {}

  /** Asks again until it holds; how long that may take says nothing about how long it takes. */
  public static void holds(String what, Callable<Boolean> condition) throws Exception {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (!condition.call()) {
      if (System.nanoTime() - deadline > 0) {
        fail("not within " + PATIENCE + ": " + what);
      }
      LockSupport.parkNanos(1_000_000);
    }
  }

  /** Waits until nothing runs under that number; a zombie does not run. */
  static void gone(long pid) throws Exception {
    holds("end of process " + pid, () -> !isAlive(pid));
  }

  static boolean isAlive(long pid) throws IOException {
    try {
      String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
      char state = stat.charAt(stat.lastIndexOf(')') + 2);
      return state != 'Z' && state != 'X';
    } catch (NoSuchFileException e) {
      return false;
    } catch (IOException e) {
      // ESRCH: gone between the open and the read.
      return Files.exists(Path.of("/proc/" + pid));
    }
  }
}
