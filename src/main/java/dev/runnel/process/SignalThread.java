package dev.runnel.process;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.runnel.model.Signal;
import dev.runnel.process.sys.EngineLog;
import dev.runnel.process.sys.Errno;
import dev.runnel.process.sys.Fd;
import dev.runnel.process.sys.InheritedSignals;
import dev.runnel.process.sys.Libc;
import dev.runnel.process.sys.LibcException;
import dev.runnel.process.sys.MachineCode;
import dev.runnel.process.sys.SystemCall;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What this process does when it gets a signal, on one thread that is there from the start. The JDK
 * makes a thread for each signal; where none can be had, as behind a limit on processes that a
 * command has filled, it drops the signal, and the process could not even be asked to end.
 *
 * <p>The handler is a few instructions that write the signal's number into a pipe, from which the
 * thread reads. docs/decisions/0029 has them in assembly language.
 */
public final class SignalThread {
  private static final String BEFORE_ON_X86 = "f30f1efa 57 4889e6 bf";
  private static final String AFTER_ON_X86 = "ba01000000 b801000000 0f05 5f c3";
  private static final String BEFORE_ON_ARM = "5f2403d5 e00f1fb8 e1030091";
  private static final String AFTER_ON_ARM = "220080d2 080880d2 010000d4 ff430091 c0035fd6";

  // Into the first register, as two instructions that have sixteen bits each.
  private static final int MOVZ_W0 = 0x5280_0000;
  private static final int MOVK_W0_LSL_16 = 0x72a0_0000;
  private static final int OPERAND_SHIFT = 5;

  private static final int ACTION_BYTES = 152;
  private static final long FLAGS_OFFSET = 136;
  private static final int SA_RESTART = 0x1000_0000;
  private static final int SA_ONSTACK = 0x0800_0000;

  private static final MemorySegment SIGACTION = Libc.symbol("sigaction");

  private final Map<Integer, Runnable> actions = new ConcurrentHashMap<>();
  private final int read;
  private final long handler;

  private SignalThread() {
    int[] ends = Fd.pipe();
    read = LibcException.check("pipe2", ends[0]);
    // The handler must not wait. Who sends thousands at once is answered once.
    LibcException.check("fcntl", Fd.fcntl(ends[1], Fd.F_SETFL, Fd.O_NONBLOCK));
    handler = MachineCode.map(code(ends[1]));
    Thread.ofPlatform().daemon().name("runnel-signals").start(this::run);
  }

  /**
   * Once in a process.
   *
   * @throws UnsupportedOperationException if the C library lacks something
   * @throws LibcException if there is no descriptor or no memory to be had
   */
  public static SignalThread begin() {
    if (!Libc.missing().isEmpty()) {
      throw new UnsupportedOperationException("missing in the C library: " + Libc.missing());
    }
    return new SignalThread();
  }

  private static byte[] code(int descriptor) {
    ByteBuffer code = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN);
    if (SystemCall.IS_ARM) {
      code.put(bytes(BEFORE_ON_ARM));
      code.putInt(MOVZ_W0 | (descriptor & 0xffff) << OPERAND_SHIFT);
      code.putInt(MOVK_W0_LSL_16 | (descriptor >>> 16) << OPERAND_SHIFT);
      code.put(bytes(AFTER_ON_ARM));
    } else {
      code.put(bytes(BEFORE_ON_X86)).putInt(descriptor).put(bytes(AFTER_ON_X86));
    }
    return code.array();
  }

  private static byte[] bytes(String hex) {
    return HexFormat.of().parseHex(hex.replace(" ", ""));
  }

  /**
   * From now on a signal makes the thread do that, also if it came ignored or blocked ({@link
   * InheritedSignals}, which says what the calling thread has to be). What it throws is logged.
   */
  public void on(Signal signal, Runnable action) {
    actions.put(signal.number(), action);
    InheritedSignals.admit(signal);
    MemorySegment act = Libc.scratch().asSlice(0, ACTION_BYTES).fill((byte) 0);
    act.set(JAVA_LONG, 0, handler);
    act.set(JAVA_INT, FLAGS_OFFSET, SA_RESTART | SA_ONSTACK);
    LibcException.check("sigaction", Libc.callInt(SIGACTION, signal.number(), act.address(), 0));
  }

  private void run() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment number = arena.allocate(1);
      while (true) {
        int count = Fd.read(read, number);
        if (count == 1) {
          act(number.get(JAVA_BYTE, 0));
        } else if (count != -Errno.EINTR) {
          EngineLog.report("signals are not read any more: " + Errno.name(-count));
          return;
        }
      }
    }
  }

  private void act(int signal) {
    Runnable action = actions.get(signal);
    try {
      if (action != null) {
        action.run();
      }
    } catch (Throwable thrown) {
      EngineLog.report("signal handler failed", thrown);
    }
  }
}
