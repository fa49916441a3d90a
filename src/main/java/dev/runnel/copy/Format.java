package dev.runnel.copy;

import java.nio.file.attribute.PosixFilePermission;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * What both ends know of the stream. The sender's records, each after its byte:
 *
 * <pre>
 * D name, mode, time             a folder; what follows is in it, until
 * U                              it is left
 * L name, target                 a symbolic link
 * F name, mode, time, length     a file, of unknown length if that is -1; if it is at least
 *                                RESUMABLE_BYTES long the receiver answers, and the sender says
 *                                with an offset where it goes on; then pieces:
 *   d length, bytes              data
 *   h length                     zeros
 *   e checksum                   the file's end; its checksum from the first byte on
 *   x                            it is given up
 * E files, bytes                 the end, answered by the receiver's counts
 * </pre>
 *
 * Integers are big-endian. A name is a length of two bytes and the bytes that the file system has;
 * a mode is two bytes, a time eight bytes of nanoseconds since the epoch. The answer about a file
 * is an offset and the checksum of what is below it; the offset is -1 if the file is not wanted.
 * Checksums are CRC-32, which the JDK has an instruction for also where nothing is compiled well
 * yet.
 */
final class Format {
  /** Both ends begin with it: what is no such stream is noticed at once. */
  static final int MAGIC = 0x52434F31;

  static final int FOLDER = 'D';
  static final int UP = 'U';
  static final int LINK = 'L';
  static final int FILE = 'F';
  static final int END = 'E';
  static final int DATA = 'd';
  static final int ZEROS = 'h';
  static final int FILE_END = 'e';
  static final int GIVEN_UP = 'x';

  static final int PIECE_BYTES = 128 * 1024;
  static final long UNKNOWN = -1;

  /** From here on a file's beginning is worth keeping, and asking for. */
  static final long RESUMABLE_BYTES = 8L << 20;

  /** In the order of their bits, the highest first. */
  private static final List<PosixFilePermission> PERMISSIONS =
      List.of(
          PosixFilePermission.OWNER_READ,
          PosixFilePermission.OWNER_WRITE,
          PosixFilePermission.OWNER_EXECUTE,
          PosixFilePermission.GROUP_READ,
          PosixFilePermission.GROUP_WRITE,
          PosixFilePermission.GROUP_EXECUTE,
          PosixFilePermission.OTHERS_READ,
          PosixFilePermission.OTHERS_WRITE,
          PosixFilePermission.OTHERS_EXECUTE);

  private static final int HIGHEST = 0400;

  private Format() {}

  static int mode(Set<PosixFilePermission> permissions) {
    int mode = 0;
    for (int i = 0; i < PERMISSIONS.size(); i++) {
      mode |= permissions.contains(PERMISSIONS.get(i)) ? HIGHEST >> i : 0;
    }
    return mode;
  }

  static Set<PosixFilePermission> permissions(int mode) {
    Set<PosixFilePermission> permissions = EnumSet.noneOf(PosixFilePermission.class);
    for (int i = 0; i < PERMISSIONS.size(); i++) {
      if ((mode & HIGHEST >> i) != 0) {
        permissions.add(PERMISSIONS.get(i));
      }
    }
    return permissions;
  }
}
