package dev.runnel.process.spawn;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.runnel.model.StartFailure.At;
import dev.runnel.process.sys.CString;
import dev.runnel.process.sys.CommandExcerpt;
import dev.runnel.process.sys.Errno;
import dev.runnel.process.sys.Fd;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * Finds an executable and runs it, as execvp(3) would in the child, but looks before it makes a
 * process: a process that is only made to find nothing costs half a millisecond.
 */
final class Executable {
  /** Instead of a pid: the claim was gone. */
  static final int VOID = 0;

  /**
   * In place of the working directory: the child is somebody else, and only its exec can tell what
   * there is for it.
   */
  static final int UNSEEN = -1;

  private final byte[] name;
  private final List<byte[]> candidates;
  private final int directory;
  private final BooleanSupplier claim;
  private boolean claimed;

  /**
   * @param path the value of the child's PATH
   * @param directory the child's working directory, where relative paths begin
   * @param claim asked once, before the first process is made
   */
  Executable(byte[] name, byte[] path, int directory, BooleanSupplier claim) {
    this.name = name;
    this.candidates = SearchPath.candidates(name, path);
    this.directory = directory;
    this.claim = claim;
  }

  /** The pid of a child that runs it, or {@link #VOID}. */
  int spawn(SpawnActions child, ExecStrings strings) throws StartException {
    int verdict = Errno.ENOENT;
    for (byte[] candidate : candidates) {
      int result = spawn(candidate, child, strings);
      if (result >= 0) {
        return result;
      }
      if (!SearchPath.isPassed(-result)) {
        throw failure(-result);
      }
      // What is there and may not be run says more than what is not there.
      if (candidates.size() == 1 || (result == -Errno.EACCES && mayBeThere(candidate))) {
        verdict = -result;
      }
    }
    throw failure(verdict);
  }

  /** Not so in a folder that may not be entered: for shells, too, there is nothing in it. */
  private boolean mayBeThere(byte[] candidate) {
    int error = Fd.access(directory, candidate, Fd.F_OK);
    return error != -Errno.EACCES && error != -Errno.ENOENT;
  }

  private int spawn(byte[] candidate, SpawnActions child, ExecStrings strings)
      throws StartException {
    if (candidates.size() > 1 && directory != UNSEEN) {
      int error = Fd.access(directory, candidate, Fd.X_OK);
      if (error < 0) {
        return error;
      }
    }
    if (!claimed) {
      claimed = claim.getAsBoolean();
      if (!claimed) {
        return VOID;
      }
    }
    try (Arena arena = Arena.ofConfined()) {
      return child.spawn(CString.of(candidate, arena), strings);
    }
  }

  private StartException failure(int errno) {
    String what = "exec " + CommandExcerpt.of(new String(name, UTF_8));
    boolean scriptWithoutInterpreter =
        errno == Errno.ENOENT
            && directory != UNSEEN
            && candidates.size() == 1
            && Fd.access(directory, candidates.getFirst(), Fd.F_OK) == 0;
    return scriptWithoutInterpreter
        ? new StartException(errno, At.EXEC, what + ": its interpreter or loader")
        : new StartException(errno, At.EXEC, what);
  }
}
