package dev.runnel;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.DataInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who is at the other end of a Unix socket, as the kernel says. unix(7), SO_PEERCRED. */
@Tag("also-root")
class UnixUserTest {
  private static final String ASK =
      """
      import json, os, socket, struct, sys
      if sys.argv[2]: os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[2]))
      s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
      f = s.makefile('rb')
      def ask(h):
          b = json.dumps(h).encode(); s.sendall(struct.pack('<I', len(b)) + b)
          while True:
              h = json.loads(f.read(struct.unpack('<I', f.read(4))[0])); f.read(h['total_size'])
              if h['final']: return h
      job = ask({'argv': ['true'], 'total_size': 0})['job']
      print(ask({'type': 'status', 'job': job, 'total_size': 0})['principal'])
      """;

  private static String principal(Path socket, String uid) throws Exception {
    Process python = new ProcessBuilder(List.of("python3", "-c", ASK, "" + socket, uid)).start();
    String said =
        new String(python.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    try (DataInputStream err = new DataInputStream(python.getErrorStream())) {
      assertEquals("", new String(err.readAllBytes(), StandardCharsets.UTF_8));
    }
    return said;
  }

  @Test
  void isKnownByName(@TempDir Path folder) throws Exception {
    Tool.require("python3", "UnixUserTest.isKnownByName");
    Path socket = folder.resolve("s");
    try (Daemon daemon = Daemon.start("--listen", "unix:" + socket)) {
      assertEquals("listening on unix:" + socket, daemon.line());
      String user = Files.getOwner(Path.of("/proc/self")).getName();
      assertEquals("unix:" + user, principal(socket, ""));
    }
  }

  @Tag("root")
  @Test
  void isAnotherUserThanTheDaemonsWhereTheSocketLetsItIn() throws Exception {
    Tool.requireRoot("UnixUserTest.isAnotherUserThanTheDaemonsWhereTheSocketLetsItIn");
    Tool.require("python3", "UnixUserTest.isAnotherUserThanTheDaemonsWhereTheSocketLetsItIn");
    Path folder = Files.createTempDirectory("runnel-user");
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
    Path socket = folder.resolve("s");
    try (Daemon daemon = Daemon.start("--listen", "unix:" + socket)) {
      assertEquals("listening on unix:" + socket, daemon.line());
      Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString("rwxrwxrwx"));
      assertEquals("unix:nobody", principal(socket, "65534"));
      assertEquals("uid:54321", principal(socket, "54321"));
      assertEquals("unix:root", principal(socket, ""));
    } finally {
      Files.deleteIfExists(socket);
      Files.deleteIfExists(folder);
    }
  }
}
