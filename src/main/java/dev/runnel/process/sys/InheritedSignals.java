package dev.runnel.process.sys;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.runnel.model.Signal;
import java.lang.foreign.MemorySegment;

/**
 * What became of a signal before this process began: nohup(1) and a shell's {@code &} start it with
 * signals ignored, other parents with signals blocked. The JVM leaves both as they are, and then a
 * handler for such a signal is never called. signal(7)
 */
public final class InheritedSignals {
  private static final long SIG_IGN = 1;
  private static final int SIG_UNBLOCK = 1;

  private static final MemorySegment SIGACTION = Libc.symbol("sigaction");
  private static final MemorySegment SIGNAL = Libc.symbol("signal");
  private static final MemorySegment PTHREAD_SIGMASK = Libc.symbol("pthread_sigmask");

  private InheritedSignals() {}

  /**
   * Lets this process have the signal, by default action until a handler is set. The calling thread
   * is one that takes it, and has to outlive all need for it.
   */
  public static void admit(Signal signal) {
    // The engine says what is missing.
    if (!Libc.missing().isEmpty()) {
      return;
    }
    if (isIgnored(signal.number())) {
      Libc.call(SIGNAL, signal.number(), 0, 0);
    }
    MemorySegment set = Libc.scratch();
    set.asSlice(0, 128).fill((byte) 0);
    set.set(JAVA_LONG, 0, 1L << (signal.number() - 1));
    Libc.call(PTHREAD_SIGMASK, SIG_UNBLOCK, set.address(), 0);
  }

  private static boolean isIgnored(int signal) {
    MemorySegment action = Libc.scratch();
    Libc.call(SIGACTION, signal, 0, action.address());
    return action.get(JAVA_LONG, 0) == SIG_IGN;
  }
}
