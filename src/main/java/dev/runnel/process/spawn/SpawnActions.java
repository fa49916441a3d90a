package dev.runnel.process.spawn;

import java.lang.foreign.MemorySegment;

/** What a child does between its making and its exec, in the order given; and the making of it. */
interface SpawnActions extends AutoCloseable {
  SpawnActions dup2(int fd, int asFd);

  /** What is open as that descriptor is closed before it. */
  SpawnActions open(byte[] path, int flags, int asFd);

  SpawnActions changeDirectory(int fd);

  SpawnActions closeFrom(int fd);

  /**
   * Makes a child that runs that file. May be called again if it could not be run.
   *
   * @return once its exec succeeded or failed, its pid or errno negated
   * @throws StartException if it did not come to the exec for a reason of the command's own
   */
  int spawn(MemorySegment path, ExecStrings strings) throws StartException;

  @Override
  void close();
}
