package dev.runnel.process.spawn;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.runnel.model.StartFailure;
import dev.runnel.model.StartFailure.At;
import dev.runnel.process.sys.CommandExcerpt;
import dev.runnel.process.sys.Errno;
import dev.runnel.process.sys.Libc;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.TreeMap;

/**
 * A user that a command runs as, as the system's accounts have it. Looking one up may ask the
 * network, and so take as long as that likes: on a spawner thread.
 *
 * @param asked what the command called it
 */
@SuppressWarnings({"restricted", "ArrayRecordComponent"}) // Never compared.
record UserAccount(String asked, int uid, int gid, int[] groups, Map<String, String> variables) {
  // struct passwd: name, password, uid, gid, and more strings.
  private static final long PASSWD_BYTES = 48;
  private static final long UID_OFFSET = 16;
  private static final long GID_OFFSET = 20;
  private static final long HOME_OFFSET = 32;
  private static final long SHELL_OFFSET = 40;

  private static final int ERANGE = 34;
  private static final int FIRST_BUFFER_BYTES = 4 * 1024;
  private static final int MAX_BUFFER_BYTES = 1 << 20;
  private static final int MAX_GROUPS = 65_536;

  /** What the highest number means to setresuid(2). */
  private static final int LEAVE_AS_IT_IS = -1;

  private static final long MAX_ID = 0xFFFF_FFFEL;

  private static final MemorySegment GETPWNAM_R = Libc.symbol("getpwnam_r");
  private static final MemorySegment GETPWUID_R = Libc.symbol("getpwuid_r");
  private static final MemorySegment GETGROUPLIST = Libc.symbol("getgrouplist");
  private static final MemorySegment GETEUID = Libc.symbol("geteuid");

  /**
   * By its name; else, if that is a number, by that, and there need not be an account then: its
   * group has the same number and its home is the root.
   */
  static UserAccount of(String user) throws StartException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment name = arena.allocateFrom(user);
      MemorySegment found = find(user, GETPWNAM_R, name.address(), arena);
      boolean isNumber = user.chars().allMatch(c -> c >= '0' && c <= '9') && user.length() <= 10;
      if (found.byteSize() == 0 && isNumber && Long.parseLong(user) <= MAX_ID) {
        int uid = (int) Long.parseLong(user);
        found = find(user, GETPWUID_R, uid, arena);
        if (found.byteSize() == 0) {
          return new UserAccount(user, uid, uid, new int[0], Map.of("HOME", "/"));
        }
      }
      if (found.byteSize() == 0) {
        String message = "user " + CommandExcerpt.of(user) + ": no such user";
        throw new StartException(new StartFailure(Errno.name(Errno.ENOENT), At.USER, message));
      }
      return of(user, found, arena);
    }
  }

  /** Whether that is who this process is already. */
  boolean isOurs() {
    return uid == Libc.callInt(GETEUID, 0, 0, 0);
  }

  /** A struct passwd, or nothing. */
  private static MemorySegment find(String user, MemorySegment function, long key, Arena arena)
      throws StartException {
    MemorySegment passwd = arena.allocate(PASSWD_BYTES, 8);
    MemorySegment result = arena.allocate(JAVA_LONG);
    int error = ERANGE;
    for (int size = FIRST_BUFFER_BYTES; error == ERANGE && size <= MAX_BUFFER_BYTES; size *= 4) {
      long buffer = arena.allocate(size).address();
      error = (int) Libc.call(function, key, passwd.address(), buffer, size, result.address(), 0);
    }
    if (result.get(JAVA_LONG, 0) != 0) {
      return passwd;
    }
    // Some sources of accounts answer so what they don't know: getpwnam(3), "ERRORS".
    boolean unknown = error == 0 || error == Errno.ENOENT || error == Errno.ESRCH;
    if (!unknown) {
      throw new StartException(error, At.USER, "user " + user);
    }
    return MemorySegment.NULL;
  }

  private static UserAccount of(String asked, MemorySegment passwd, Arena arena)
      throws StartException {
    String name = string(passwd, 0);
    int uid = passwd.get(JAVA_INT, UID_OFFSET);
    int gid = passwd.get(JAVA_INT, GID_OFFSET);
    if (uid == LEAVE_AS_IT_IS || gid == LEAVE_AS_IT_IS) {
      throw new StartException(Errno.EINVAL, At.USER, "user " + asked);
    }
    Map<String, String> variables = new TreeMap<>();
    variables.put("USER", name);
    variables.put("LOGNAME", name);
    variables.put("HOME", string(passwd, HOME_OFFSET));
    variables.put("SHELL", string(passwd, SHELL_OFFSET));
    int[] groups = groups(passwd.get(JAVA_LONG, 0), gid, arena);
    return new UserAccount(asked, uid, gid, groups, variables);
  }

  private static String string(MemorySegment passwd, long offset) {
    long address = passwd.get(JAVA_LONG, offset);
    return address == 0
        ? ""
        : MemorySegment.ofAddress(address).reinterpret(Long.MAX_VALUE).getString(0);
  }

  private static int[] groups(long name, int gid, Arena arena) {
    MemorySegment count = arena.allocate(JAVA_INT);
    MemorySegment groups = MemorySegment.NULL;
    int found = 0;
    for (int room = 64; found <= 0 && room <= MAX_GROUPS; room *= 4) {
      groups = arena.allocate(JAVA_INT, room);
      count.set(JAVA_INT, 0, room);
      found = (int) Libc.call(GETGROUPLIST, name, gid, groups.address(), count.address(), 0, 0);
    }
    return found <= 0 ? new int[] {gid} : groups.asSlice(0, 4L * found).toArray(JAVA_INT);
  }
}
