package dev.runnel;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

/** A terminal on whose keyboard a test types and whose screen it reads; 100 by 40. */
record Tmux(Path socket) implements AutoCloseable {
  private static final long PATIENCE_SECONDS = 30;

  /** Runs a program there, and then says {@code ended with CODE}. */
  static Tmux running(Path socket, ProcessBuilder program) {
    StringBuilder line = new StringBuilder();
    for (String word : program.command()) {
      line.append('\'').append(word).append("' ");
    }
    return running(socket, program, line + "; echo ended with $?; exec sleep 1000");
  }

  /**
   * Runs a shell line there, in the program's environment. An interrupt that is typed ends the
   * program, if it likes, and never the shell: not all shells see what their child makes of it.
   */
  static Tmux running(Path socket, ProcessBuilder program, String line) {
    ProcessBuilder start =
        new ProcessBuilder("tmux", "-S", socket.toString(), "-f", "/dev/null", "new-session", "-d");
    start.command().addAll(List.of("-x", "100", "-y", "40", "trap : INT; " + line));
    start.environment().putAll(program.environment());
    run(start);
    return new Tmux(socket);
  }

  void type(String... keys) {
    for (String key : keys) {
      run(tmux("send-keys", key));
    }
  }

  /** Polls the screen, without the blank lines at its end, until it shows that. */
  void await(String pattern) {
    Pattern wanted = Pattern.compile(pattern, Pattern.MULTILINE);
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    String screen;
    do {
      screen = run(tmux("capture-pane", "-p"));
      // As it is, and with the blank that the prompt may have ended in.
      String shown = screen.stripTrailing();
      if (wanted.matcher(shown).find() || wanted.matcher(prompted(shown)).find()) {
        return;
      }
    } while (System.nanoTime() < deadline);
    throw new AssertionError("not shown: " + pattern + "; the screen:\n" + screen);
  }

  /** Polls until the cursor stands where a line begins. */
  void awaitLineStart() {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    String column;
    do {
      column = run(tmux("display-message", "-p", "#{cursor_x}")).strip();
      if (column.equals("0")) {
        return;
      }
    } while (System.nanoTime() < deadline);
    throw new AssertionError("the cursor stays in column " + column);
  }

  // The terminal cuts blanks at the ends of lines, and so the prompt's.
  private static String prompted(String screen) {
    return screen.replaceAll("(?m)>$", "> ");
  }

  void resize(int rows, int cols) {
    run(tmux("resize-window", "-x", Integer.toString(cols), "-y", Integer.toString(rows)));
  }

  /** What stty(1) says of the terminal's modes. */
  String modes() {
    String device = run(tmux("display-message", "-p", "#{pane_tty}")).strip();
    return run(new ProcessBuilder("stty", "-a", "-F", device));
  }

  private ProcessBuilder tmux(String... words) {
    ProcessBuilder tmux = new ProcessBuilder("tmux", "-S", socket.toString());
    tmux.command().addAll(List.of(words));
    return tmux;
  }

  private static String run(ProcessBuilder program) {
    try {
      Process process = program.redirectErrorStream(true).start();
      String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (process.waitFor() != 0) {
        throw new AssertionError(program.command() + ": " + said);
      }
      return said;
    } catch (IOException e) {
      throw new AssertionError(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }

  @Override
  public void close() {
    run(tmux("kill-server"));
  }
}
