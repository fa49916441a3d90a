package dev.runnel.model;

import org.jspecify.annotations.Nullable;

/** Linux signals by name and number, signal(7); the numbers are those of x86-64 and arm64. */
public enum Signal {
  HUP(1),
  INT(2),
  QUIT(3),
  ILL(4),
  TRAP(5),
  ABRT(6),
  BUS(7),
  FPE(8),
  KILL(9),
  USR1(10),
  SEGV(11),
  USR2(12),
  PIPE(13),
  ALRM(14),
  TERM(15),
  STKFLT(16),
  CHLD(17),
  CONT(18),
  STOP(19),
  TSTP(20),
  TTIN(21),
  TTOU(22),
  URG(23),
  XCPU(24),
  XFSZ(25),
  VTALRM(26),
  PROF(27),
  WINCH(28),
  IO(29),
  PWR(30),
  SYS(31);

  private static final Signal[] BY_NUMBER = new Signal[32];

  static {
    for (Signal signal : values()) {
      BY_NUMBER[signal.number] = signal;
    }
  }

  private final int number;

  Signal(int number) {
    this.number = number;
  }

  public int number() {
    return number;
  }

  /** The signal of that name, without {@code SIG} and in capitals, or null. */
  public static @Nullable Signal ofName(String name) {
    for (Signal signal : values()) {
      if (signal.name().equals(name)) {
        return signal;
      }
    }
    return null;
  }

  /**
   * The signal's name, or its number in decimal for a real-time signal, which has no fixed name.
   */
  public static String nameOf(int number) {
    return number > 0 && number < BY_NUMBER.length ? BY_NUMBER[number].name() : "" + number;
  }
}
