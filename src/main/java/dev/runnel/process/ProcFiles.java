package dev.runnel.process;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** What proc(5) says of processes. On the sweeper: with many processes it takes milliseconds. */
final class ProcFiles {
  private static final int MAX_COMMAND = 256;
  private static final int MAX_BYTES = 4 * MAX_COMMAND;

  private ProcFiles() {}

  /** Everybody in the session but its leader, and but zombies. */
  static List<Member> members(int session) {
    List<Member> members = new ArrayList<>();
    String[] names = new File("/proc").list();
    for (String name : names == null ? new String[0] : names) {
      int pid = pid(name);
      // The system call sorts out nearly all without opening a file.
      if (pid > 0 && pid != session && Pid.session(pid) == session && isAlive(pid)) {
        members.add(new Member(pid, command(pid)));
      }
    }
    return members;
  }

  private static int pid(String name) {
    return name.charAt(0) >= '1' && name.charAt(0) <= '9' ? Integer.parseInt(name) : 0;
  }

  private static boolean isAlive(int pid) {
    String stat = text(pid, "stat");
    // The name before it may hold anything, parentheses too.
    int state = stat.lastIndexOf(')') + 2;
    return state > 1 && state < stat.length() && "ZX".indexOf(stat.charAt(state)) < 0;
  }

  /** The arguments, or the short name of a process that has none to show. */
  private static String command(int pid) {
    String arguments = text(pid, "cmdline").replace('\0', ' ').strip();
    String text = arguments.isEmpty() ? text(pid, "comm").strip() : arguments;
    return text.codePointCount(0, text.length()) <= MAX_COMMAND
        ? text
        : text.substring(0, text.offsetByCodePoints(0, MAX_COMMAND));
  }

  /** The file's beginning; nothing if the process is gone. */
  private static String text(int pid, String file) {
    try (InputStream in = Files.newInputStream(Path.of("/proc", "" + pid, file))) {
      return new String(in.readNBytes(MAX_BYTES), UTF_8);
    } catch (IOException gone) {
      return "";
    }
  }
}
