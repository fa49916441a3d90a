package dev.runnel.process.spawn;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.runnel.process.sys.CString;
import dev.runnel.process.sys.Libc;
import dev.runnel.process.sys.LibcException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** posix_spawn(3): what the child does between its making and its exec. Any thread. */
public final class PosixSpawn {
  private static final long OPAQUE_BYTES = 512; // More than either type takes: 80 and 336.
  private static final long SIGSET_BYTES = 128;
  private static final int SETSIGDEF = 0x04;
  private static final int SETSIGMASK = 0x08;
  private static final int SETSID = 0x80;

  private static final MemorySegment SPAWN = Libc.symbol("posix_spawn");
  private static final MemorySegment ATTR_INIT = Libc.symbol("posix_spawnattr_init");
  private static final MemorySegment ATTR_SETFLAGS = Libc.symbol("posix_spawnattr_setflags");
  private static final MemorySegment ATTR_SETSIGDEFAULT =
      Libc.symbol("posix_spawnattr_setsigdefault");
  private static final MemorySegment ATTR_SETSIGMASK = Libc.symbol("posix_spawnattr_setsigmask");
  private static final MemorySegment ACTIONS_INIT = Libc.symbol("posix_spawn_file_actions_init");
  private static final MemorySegment ACTIONS_DESTROY =
      Libc.symbol("posix_spawn_file_actions_destroy");
  private static final MemorySegment ADDDUP2 = Libc.symbol("posix_spawn_file_actions_adddup2");
  private static final MemorySegment ADDOPEN = Libc.symbol("posix_spawn_file_actions_addopen");
  private static final MemorySegment ADDFCHDIR_NP =
      Libc.symbol("posix_spawn_file_actions_addfchdir_np");
  private static final MemorySegment ADDCLOSEFROM_NP =
      Libc.symbol("posix_spawn_file_actions_addclosefrom_np");

  /** A session of its own, no signal blocked, none ignored. Written once, read by every spawner. */
  private static final MemorySegment ATTRIBUTES = attributes();

  private PosixSpawn() {}

  private static MemorySegment attributes() {
    MemorySegment attributes = Arena.global().allocate(OPAQUE_BYTES, 16);
    if (!Libc.missing().isEmpty()) {
      return attributes;
    }
    MemorySegment signals = Libc.scratch().asSlice(0, SIGSET_BYTES);
    Libc.call(ATTR_INIT, attributes.address(), 0, 0);
    Libc.call(ATTR_SETFLAGS, attributes.address(), SETSIGDEF | SETSIGMASK | SETSID, 0);
    // Not sigfillset(3): it leaves out 32 and 33, which children would then ignore.
    signals.fill((byte) -1);
    Libc.call(ATTR_SETSIGDEFAULT, attributes.address(), signals.address(), 0);
    signals.fill((byte) 0);
    Libc.call(ATTR_SETSIGMASK, attributes.address(), signals.address(), 0);
    return attributes;
  }

  /** Returns, once the child's exec succeeded or something failed, its pid or errno negated. */
  public static int spawn(MemorySegment path, FileActions actions, ExecStrings strings) {
    MemorySegment pid = Libc.scratch();
    int error =
        (int)
            Libc.call(
                SPAWN,
                pid.address(),
                path.address(),
                actions.memory.address(),
                ATTRIBUTES.address(),
                strings.argv(),
                strings.envp());
    return error != 0 ? -error : pid.get(JAVA_INT, 0);
  }

  /** What happens to the child's descriptors, in the order given. */
  public static final class FileActions implements SpawnActions {
    private final MemorySegment memory = Libc.malloc(OPAQUE_BYTES);

    public FileActions() {
      check(Libc.call(ACTIONS_INIT, memory.address(), 0, 0));
    }

    @Override
    public FileActions dup2(int fd, int asFd) {
      return check(Libc.call(ADDDUP2, memory.address(), fd, asFd));
    }

    @Override
    public FileActions open(byte[] path, int flags, int asFd) {
      try (Arena arena = Arena.ofConfined()) {
        long name = CString.of(path, arena).address();
        return check(Libc.call(ADDOPEN, memory.address(), asFd, name, flags, 0, 0));
      }
    }

    @Override
    public FileActions changeDirectory(int fd) {
      return check(Libc.call(ADDFCHDIR_NP, memory.address(), fd, 0));
    }

    @Override
    public FileActions closeFrom(int fd) {
      return check(Libc.call(ADDCLOSEFROM_NP, memory.address(), fd, 0));
    }

    /** Out of memory and negative descriptors are all that can go wrong here. */
    private FileActions check(long error) {
      if ((int) error != 0) {
        throw new LibcException("posix_spawn_file_actions", (int) error);
      }
      return this;
    }

    @Override
    public int spawn(MemorySegment path, ExecStrings strings) {
      return PosixSpawn.spawn(path, this, strings);
    }

    @Override
    public void close() {
      Libc.call(ACTIONS_DESTROY, memory.address(), 0, 0);
      Libc.free(memory);
    }
  }
}
