package dev.runnel;

import dev.runnel.cli.Verb;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What a client does in its life, in one process: the JVM watches, and keeps what it learns for
 * those that come after. Started by {@code runnel train} and {@code runnel package}; on the main
 * thread.
 */
final class AotTraining {
  private final String host;

  private AotTraining(String host) {
    this.host = host;
  }

  /**
   * Plays everything.
   *
   * @param hosts of a server that lets us in; one after the other
   * @return the exit code: 0 if everything ended as it had to
   */
  static int run(List<String> hosts) {
    try {
      for (String host : hosts) {
        new AotTraining(host).play();
      }
      expect(0, "exec", "-n", "--", "true");
      expect(255, "exec", "-n", "-H", "127.0.0.1:1", "--", "true");
      expect(255, "exec", "-n", "--token-file", "/nonexistent", "--", "true");
      expect(0, "--help");
      expect(0, "exec", "--help");
      expect(255, "exec", "--hots", "x");
      return 0;
    } catch (IOException | IllegalStateException e) {
      System.err.println("runnel: " + e.getMessage());
      return 1;
    }
  }

  private void play() throws IOException {
    for (Verb verb : Verb.values()) {
      play(verb);
    }
  }

  private void play(Verb verb) throws IOException {
    switch (verb) {
      case EXEC -> exec();
      case SSH -> expect(0, verb.word(), "-n", host, "true");
      case RUN -> started();
      case STATUS, LOGS -> ask(verb, 0);
      case ATTACH, WAIT -> ask(verb, 3);
      case SHELL, PING, JOBS -> expect(0, verb.word(), "-H", host);
      case CANCEL -> expect(0, verb.word(), "-H", host, started());
      case SIGNAL -> expect(0, verb.word(), "-H", host, started(), "TERM");
      case HELP -> expect(0, verb.word());
      // The server is somebody else; the others are too rare to be learnt.
      case SERVE, BENCH, POLICY, PLAY, TOKEN, CP, HOSTS, RM, TEST, PACKAGE, COMPLETION, NODES -> {}
    }
  }

  private void exec() throws IOException {
    // Takes all of our stdin; those after it find its end.
    exec(0, "--", "cat");
    exec(0, "-n", "--", "true");
    exec(3, "--", "sh", "-c", "echo one; echo two >&2; exit 3");
    exec(143, "-n", "-c", "kill $$");
    exec(127, "-n", "--", "/nonexistent");
    exec(124, "-n", "--timeout", "20ms", "--", "sleep", "60");
    exec(0, "-n", "--merge", "--cwd", "/", "--env", "A=b", "--window", "64K", "--", "seq", "20000");
    exec(0, "-n", "--drain", "20ms", "-c", "sleep 60 & echo one");
    Path report = Files.createTempFile("runnel-", ".json");
    try {
      exec(0, "-n", "--report", report.toString(), "--", "true");
    } finally {
      Files.delete(report);
    }
  }

  /** A job that goes on by itself, and ends with 3. */
  private String started() {
    String job = "rehearsal-" + System.nanoTime();
    expect(0, "run", "-H", host, "--job", job, "--", "sh", "-c", "echo one; exit 3");
    return job;
  }

  private void ask(Verb verb, int exitCode) {
    String job = started();
    expect(3, "wait", "-H", host, job);
    expect(exitCode, verb.word(), "-H", host, job);
  }

  private void exec(int exitCode, String... rest) {
    List<String> words = new ArrayList<>(List.of("exec", "-H", host));
    words.addAll(List.of(rest));
    expect(exitCode, words.toArray(String[]::new));
  }

  private static void expect(int exitCode, String... words) {
    int got = Main.run(words);
    if (got != exitCode) {
      throw new IllegalStateException(
          String.join(" ", words) + ": exit code " + got + " (expected: " + exitCode + ")");
    }
  }
}
