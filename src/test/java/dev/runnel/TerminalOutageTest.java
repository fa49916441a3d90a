package dev.runnel;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A shell by {@code runnel exec -t} whose connection is lost: it goes on where it was. */
@SuppressWarnings("NullAway.Init") // JUnit makes the folder.
@Tag("slow")
class TerminalOutageTest {
  @TempDir private Path folder;

  @Test
  void aShellGoesOnAfterACutAndAfterAnOutage() throws Exception {
    Tool.require("tmux", "TerminalOutageTest");
    try (Daemon daemon = Daemon.start("--listen", "127.0.0.1:0", "--insecure");
        CuttingProxy proxy = new CuttingProxy(daemon.port(), 0, List.of(), 1);
        Tmux tmux = Tmux.running(folder.resolve("tmux.sock"), shell(proxy.port()))) {
      tmux.await("^ready>$");
      tmux.type("mark=$RANDOM; echo mark=$mark >" + folder.resolve("mark"), "Enter");
      tmux.await("mark$\nready>$");

      proxy.cutAll();
      tmux.type("clear; diff <(echo mark=$mark) " + folder.resolve("mark") + " && echo sa''me");
      tmux.type("Enter");
      tmux.await("^same\nready>$");
      assertFalse(isCooked(tmux), tmux.modes());

      proxy.refuse();
      tmux.await("runnel: connection to .* lost.*trying again for 1m");
      assertTrue(isCooked(tmux), tmux.modes());
      tmux.resize(21, 70);
      proxy.admit();
      tmux.await("^runnel: connected to .* again");
      tmux.type("clear; stty size", "Enter");
      tmux.await("^21 70\nready>$");
      tmux.type("echo ru''ns; sleep 1000", "Enter");
      tmux.await("^runs$");
      tmux.type("C-c");
      tmux.await("^\\^C\nready>$");
      tmux.type("exit 3", "Enter");
      tmux.await("^ended with 3$");
      assertTrue(isCooked(tmux), tmux.modes());
    }
  }

  private static ProcessBuilder shell(int port) {
    return new ProcessBuilder(
        ClientProcess.command(
            "exec",
            "-H",
            "127.0.0.1:" + port,
            "-t",
            "--env",
            "PS1=ready> ",
            "--",
            "bash",
            "--norc"));
  }

  private static boolean isCooked(Tmux tmux) {
    String modes = tmux.modes();
    return modes.contains(" icanon") && modes.contains(" echo ") && modes.contains("\nopost");
  }
}
