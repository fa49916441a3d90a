package dev.runnel.process.engine;

import dev.runnel.model.CommandSpec;
import dev.runnel.model.JobId;
import dev.runnel.process.spawn.Environment;
import dev.runnel.process.spawn.PosixSpawn;
import dev.runnel.process.spawn.ProcessFactory;
import dev.runnel.process.spawn.SpawnResult;
import dev.runnel.process.sys.Epoll;
import dev.runnel.process.sys.Errno;
import dev.runnel.process.sys.Fd;
import dev.runnel.process.sys.Libc;
import dev.runnel.process.sys.Pid;
import dev.runnel.process.sys.PseudoTerminal;
import dev.runnel.process.sys.WaitId;
import java.lang.invoke.MethodHandles;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Finds out, in words, whether this system has what the engine needs. */
final class PlatformCheck {
  private static final String NEEDS =
      "; Runnel runs commands on Linux 5.3 or later, x86-64 or arm64, with glibc 2.34 or later";

  private PlatformCheck() {}

  /**
   * Looks for each function, and calls those that an old or a confined kernel may refuse.
   *
   * @throws UnsupportedOperationException saying what is missing
   */
  static void run() {
    loadBindings();
    List<String> missing = Libc.missing();
    if (!missing.isEmpty()) {
      throw new UnsupportedOperationException(
          "this system's C library lacks " + String.join(", ", missing) + NEEDS);
    }
    // Of this pid namespace, and not of another one's.
    if (!Files.exists(Path.of("/proc/" + Pid.own() + "/task/" + Pid.own()))) {
      throw new UnsupportedOperationException("/proc does not show this process" + NEEDS);
    }
    int pidfd = Pid.open(Pid.own());
    check("pidfd_open", pidfd);
    check("pidfd_send_signal", Pid.send(pidfd, 0));
    Fd.close(pidfd);
  }

  /**
   * Goes through a whole start, of nothing: every step is done, and the last one has to fail.
   *
   * @throws UnsupportedOperationException if another step failed
   */
  static void run(ProcessFactory spawn) {
    if (Pid.losesChildren()) {
      throw new UnsupportedOperationException(
          "SIGCHLD is ignored in this process: no child's exit status can be had");
    }
    SpawnResult result = spawn.run(new JobId("trial"), CommandSpec.of(""), () -> true);
    if (!(result instanceof SpawnResult.Failed failed)
        || !failed.failure().errno().equals("ENOENT")) {
      throw new UnsupportedOperationException("trial start: " + result + NEEDS);
    }
  }

  private static void check(String call, int result) {
    if (result < 0) {
      throw new UnsupportedOperationException(call + ": " + Errno.description(-result) + NEEDS);
    }
  }

  private static void loadBindings() {
    try {
      for (Class<?> bindings :
          new Class<?>[] {
            Errno.class,
            Fd.class,
            Pid.class,
            WaitId.class,
            Epoll.class,
            PosixSpawn.class,
            PseudoTerminal.class,
            Environment.class
          }) {
        MethodHandles.lookup().ensureInitialized(bindings);
      }
    } catch (IllegalAccessException impossible) {
      throw new AssertionError(impossible);
    }
  }
}
