package dev.runnel;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where notes of {@code exec} stand on a terminal that the command's output is on, too. */
@SuppressWarnings("NullAway.Init") // JUnit makes the folder.
class TerminalNotesTest {
  @TempDir private Path folder;

  @Test
  void aNoteIsNotPutBehindHalfALine() throws Exception {
    Tool.require("tmux", "TerminalNotesTest");
    try (Daemon daemon = Daemon.start("--listen", "127.0.0.1:0", "--insecure");
        CuttingProxy proxy = new CuttingProxy(daemon.port(), 0, List.of(), 1);
        Tmux tmux =
            Tmux.running(
                folder.resolve("tmux.sock"),
                new ProcessBuilder(
                    ClientProcess.command(
                        "exec",
                        "-H",
                        "127.0.0.1:" + proxy.port(),
                        "-c",
                        "printf half; exec sleep 1000")))) {
      tmux.await("^half$");
      proxy.refuse();
      tmux.await("^half\nrunnel: connection to .* lost");
      // One is enough while there is no connection.
      tmux.type("C-c");
      tmux.await("^(\\^C)?runnel: the job may go on for 1m\nended with 130$");
    }
  }
}
