package dev.runnel.chaos;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A program, in Python, that does to /proc and to its parent what few programs do. */
public final class Oddities {
  private static final String PROGRAM =
      """
      import ctypes, mmap, os, signal, struct, sys, tempfile, threading, time

      libc = ctypes.CDLL(None, use_errno=True)
      NAP = THE_NAP

      def nap():
          os.execvp('sleep', ['sleep', str(NAP)])

      def child(what, *args):
          pid = os.fork()
          if pid == 0:
              try:
                  what(*args)
              finally:
                  os._exit(0)
          return pid

      # The first thread is gone, others go on: a zombie leader.
      def leader(seconds):
          t = threading.Thread(target=lambda: (time.sleep(float(seconds)), os._exit(0)))
          t.start()
          libc.pthread_exit(None)

      # Children that are those of our parent.
      def cloneparent(count):
          CLONE_PARENT = 0x8000
          for _ in range(int(count)):
              if libc.syscall(56, CLONE_PARENT | signal.SIGCHLD, 0, 0, 0, 0) == 0:
                  nap()

      # Moves on into another session every few milliseconds.
      def chain(hops):
          for _ in range(int(hops)):
              if os.fork():
                  os._exit(0)
              os.setsid()
              time.sleep(0.002)

      def zombies(count):
          for _ in range(int(count)):
              child(lambda: None)
          time.sleep(NAP)

      def deaf():
          for number in range(1, 65):
              try:
                  signal.signal(number, signal.SIG_IGN)
              except (OSError, ValueError):
                  pass
          if os.fork():
              time.sleep(NAP)
          os.setsid()
          time.sleep(NAP)

      def stopped():
          child(lambda: (os.setsid(), os.kill(os.getpid(), signal.SIGSTOP)))

      def shed():
          if os.fork():
              return
          os.setsid()
          os.execve('/bin/sleep', ['sleep', str(NAP)], {})

      # As sudo does: none of ours by its user any more, if the file has the bit.
      def root(seconds):
          os.setuid(0)
          time.sleep(float(seconds))

      # A file system that does not answer for that long, and a process that waits for a page of it
      # while another of its threads of execution wants to change its memory: who reads the first
      # one's environment or arguments waits as well.
      def hang(seconds):
          uid, gid = os.getuid(), os.getgid()
          if libc.unshare(0x10000000 | 0x20000) != 0:
              return
          for name, line in (('setgroups', 'deny'), ('uid_map', '0 %d 1' % uid), ('gid_map', '0 %d 1' % gid)):
              with open('/proc/self/' + name, 'w') as map:
                  map.write(line)
          fuse = os.open('/dev/fuse', os.O_RDWR)
          folder = tempfile.mkdtemp(dir=os.path.dirname(os.path.abspath(sys.argv[0])))
          options = b'fd=%d,rootmode=40000,user_id=0,group_id=0' % fuse
          if libc.mount(b'none', folder.encode(), b'fuse', 0, options) != 0:
              return
          server = child(serve, fuse)
          os.close(fuse)
          threading.Timer(float(seconds), lambda: os.kill(server, signal.SIGKILL)).start()
          pinned = child(pinning, folder + '/file')
          os.waitpid(pinned, 0)

      def pinning(path):
          file = os.open(path, os.O_RDONLY)
          libc.mmap.restype = ctypes.c_void_p
          libc.mmap.argtypes = [ctypes.c_void_p] + [ctypes.c_size_t] * 3 + [ctypes.c_int, ctypes.c_size_t]
          page = libc.mmap(None, 4096, 1, 1, file, 0)
          me = os.getpid()
          def ask():
              os.pread(os.open('/proc/%d/mem' % me, os.O_RDONLY), 1, page)
          child(ask)
          time.sleep(0.1)
          mmap.mmap(-1, 4096)

      def attributes(node):
          folder = node == 1
          return struct.pack('<QQQQQQIIIIIIIIII', node, 0 if folder else 4096, 0, 0, 0, 0, 0, 0, 0,
                             0o40755 if folder else 0o100644, 1, 0, 0, 0, 4096, 0)

      def serve(fuse):
          while True:
              request = os.read(fuse, 1 << 17)
              length, code, unique, node = struct.unpack('<IIQQ', request[:24])
              answer, error = b'', 0
              if code == 26:
                  answer = struct.pack('<IIIIHHIIHHI28x', 7, 31, 0, 0, 1, 1, 65536, 1, 0, 0, 0)
              elif code == 1:
                  answer = struct.pack('<QQQQII', 2, 0, 60, 60, 0, 0) + attributes(2)
              elif code == 3:
                  answer = struct.pack('<QII', 60, 0, 0) + attributes(node)
              elif code == 14:
                  answer = struct.pack('<QII', 1, 0, 0)
              elif code == 15 or code == 2 or code == 36:
                  continue
              elif code not in (18, 25, 29):
                  error = -38
              os.write(fuse, struct.pack('<IiQ', 16 + len(answer), error, unique) + answer)

      globals()[sys.argv[1]](*sys.argv[2:])
      """;

  private Oddities() {}

  /** Writes it there; anybody may read it. */
  public static Path write(Path folder) throws IOException {
    return Files.writeString(folder.resolve("odd.py"), PROGRAM.replace("THE_NAP", Scenarios.NAP));
  }
}
