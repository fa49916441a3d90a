package dev.runnel.process.engine;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.runnel.model.JobId;
import dev.runnel.process.proc.EnvironmentTag;
import dev.runnel.process.spawn.Environment;
import dev.runnel.process.spawn.ExecStrings;
import dev.runnel.process.spawn.PosixSpawn;
import dev.runnel.process.sys.CString;
import dev.runnel.process.sys.Fd;
import dev.runnel.process.sys.Libc;
import dev.runnel.process.sys.LibcException;
import dev.runnel.process.sys.WaitId;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * The least that commands cost on this machine, to measure against: the same calls into the C
 * library that the engine makes, one after the other, and nothing around them. Any thread; every
 * method blocks until the command has ended.
 */
public final class Baseline {
  private static final long BUFFER_BYTES = 256 * 1024;
  private static final byte[] LOOPBACK = {127, 0, 0, 1};
  private static final int AF_INET = 2;
  private static final int SOCK_STREAM = 1;
  private static final long ADDRESS_BYTES = 16;
  private static final int FIRST_OTHER = 3;
  private static final JobId JOB = new JobId("floor");
  private static final byte[] MARK = new EnvironmentTag("floor").entry(JOB, 1);

  private static final MemorySegment SOCKET = Libc.symbol("socket");
  private static final MemorySegment CONNECT = Libc.symbol("connect");

  private final List<byte[]> argv;
  private final Environment environment = Environment.inherited();

  /**
   * For one command.
   *
   * @param argv its arguments, the first being the executable's path
   */
  public Baseline(List<String> argv) {
    this.argv = argv.stream().map(argument -> argument.getBytes(UTF_8)).toList();
  }

  /** Somebody who answers lines. */
  public interface Asker {
    /** Writes a line of so many bytes, and blocks until as many came back. */
    void ask(int bytes);
  }

  /** What is done with a command that answers. */
  public interface Conversation {
    void with(Asker asker);
  }

  /** Runs it and reads what it says. */
  public void run() {
    try (Buffer buffer = new Buffer()) {
      Child child = start();
      child.closeStdin();
      while (Fd.read(child.stdout, buffer.memory) > 0) {}
      while (Fd.read(child.stderr, buffer.memory) > 0) {}
      child.end();
    }
  }

  /** Runs it and passes what it says on to ports of this machine, to each all of it. */
  public void relay(int... ports) {
    try (Buffer buffer = new Buffer()) {
      int[] sockets = IntStream.of(ports).map(Baseline::connect).toArray();
      Child child = start();
      child.closeStdin();
      for (int count = read(child, buffer); count > 0; count = read(child, buffer)) {
        for (int socket : sockets) {
          write(socket, buffer.memory.asSlice(0, count));
        }
      }
      IntStream.of(sockets).forEach(Fd::close);
      child.end();
    }
  }

  private static void write(int socket, MemorySegment bytes) {
    for (long sent = 0; sent < bytes.byteSize(); ) {
      sent += LibcException.check("write", Fd.write(socket, bytes.asSlice(sent)));
    }
  }

  /** Runs it and talks with it over its stdin and stdout. */
  public void talk(Conversation conversation) {
    try (Buffer buffer = new Buffer()) {
      Child child = start();
      conversation.with(
          bytes -> {
            LibcException.check("write", Fd.write(child.stdin, buffer.memory.asSlice(0, bytes)));
            for (int got = 0; got < bytes; ) {
              int count = read(child, buffer);
              got += count > 0 ? count : bytes;
            }
          });
      child.closeStdin();
      child.end();
    }
  }

  private static int read(Child child, Buffer buffer) {
    return LibcException.check("read", Fd.read(child.stdout, buffer.memory));
  }

  private Child start() {
    int[] in = pipe();
    int[] out = pipe();
    int[] err = pipe();
    try (Arena arena = Arena.ofConfined();
        PosixSpawn.FileActions actions = new PosixSpawn.FileActions();
        ExecStrings strings = new ExecStrings(argv, environment.with(JOB, Map.of(), MARK))) {
      actions.dup2(in[0], 0).dup2(out[1], 1).dup2(err[1], 2).closeFrom(FIRST_OTHER);
      int pid = PosixSpawn.spawn(CString.of(argv.getFirst(), arena), actions, strings);
      Fd.close(in[0]);
      Fd.close(out[1]);
      Fd.close(err[1]);
      return new Child(LibcException.check("posix_spawn", pid), in[1], out[0], err[0]);
    }
  }

  private static int[] pipe() {
    int[] ends = Fd.pipe();
    LibcException.check("pipe", ends[0]);
    return ends;
  }

  private static int connect(int port) {
    int socket = Libc.callInt(SOCKET, AF_INET, SOCK_STREAM, 0);
    LibcException.check("socket", socket);
    MemorySegment address = Libc.scratch().asSlice(0, ADDRESS_BYTES).fill((byte) 0);
    address.set(JAVA_SHORT, 0, (short) AF_INET);
    address.set(JAVA_BYTE, 2, (byte) (port >> 8));
    address.set(JAVA_BYTE, 3, (byte) port);
    address.set(JAVA_INT, 4, MemorySegment.ofArray(LOOPBACK).get(JAVA_INT.withByteAlignment(1), 0));
    int error = Libc.callInt(CONNECT, socket, address.address(), ADDRESS_BYTES);
    LibcException.check("connect", error);
    return socket;
  }

  /** A command that runs, and our ends of its pipes. */
  private record Child(int pid, int stdin, int stdout, int stderr) {
    void closeStdin() {
      Fd.close(stdin);
    }

    void end() {
      Fd.close(stdout);
      Fd.close(stderr);
      WaitId.awaitAndReap(pid);
    }
  }

  private record Buffer(MemorySegment memory) implements AutoCloseable {
    Buffer() {
      this(Libc.malloc(BUFFER_BYTES));
    }

    @Override
    public void close() {
      Libc.free(memory);
    }
  }
}
