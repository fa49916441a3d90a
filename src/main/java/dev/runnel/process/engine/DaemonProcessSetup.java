package dev.runnel.process.engine;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.runnel.process.spawn.NofileLimit;
import dev.runnel.process.sys.Errno;
import dev.runnel.process.sys.Fd;
import dev.runnel.process.sys.LibcException;
import dev.runnel.process.sys.Pid;

/** What a process that is all Runnel's has to be before its first command. Once for each JVM. */
final class DaemonProcessSetup {
  private static final byte[] NULL_DEVICE = "/dev/null".getBytes(US_ASCII);
  private static final int UMASK = 0022;

  /** Of the first call: afterwards this process's own limit tells nothing of it. */
  private static final NofileLimit OPEN_FILES = prepare();

  private DaemonProcessSetup() {}

  /** What commands get back of it. */
  static NofileLimit openFiles() {
    return OPEN_FILES;
  }

  private static NofileLimit prepare() {
    // What is opened next would become stdin, stdout or stderr.
    for (int fd = 0; fd <= 2; fd++) {
      if (Fd.fcntl(fd, Fd.F_GETFD, 0) == -Errno.EBADF) {
        Fd.openInheritable(NULL_DEVICE, Fd.O_RDWR);
      }
    }
    // If it came as ignored, the kernel would reap every child itself and lose its status.
    Pid.setDefaultAction(Pid.SIGCHLD);
    Pid.umask(UMASK);
    LibcException.check("prctl", Pid.becomeSubreaper());
    return NofileLimit.raise();
  }
}
