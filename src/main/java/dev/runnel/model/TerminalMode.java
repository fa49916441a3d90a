package dev.runnel.model;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What of a terminal's modes is passed on, by the names of RFC 4254, section 8, and its place in
 * Linux's struct termios: four sets of flags of 32 bits, a byte, and the keys. PROTOCOL.md,
 * "Requests", {@code pty}.
 */
public enum TerminalMode {
  INTR(Kind.KEY, 0, 3),
  QUIT(Kind.KEY, 1, 28),
  ERASE(Kind.KEY, 2, 127),
  KILL(Kind.KEY, 3, 21),
  EOF(Kind.KEY, 4, 4),
  START(Kind.KEY, 8, 17),
  STOP(Kind.KEY, 9, 19),
  SUSP(Kind.KEY, 10, 26),
  EOL(Kind.KEY, 11, 0),
  REPRINT(Kind.KEY, 12, 18),
  DISCARD(Kind.KEY, 13, 15),
  WERASE(Kind.KEY, 14, 23),
  LNEXT(Kind.KEY, 15, 22),
  EOL2(Kind.KEY, 16, 0),
  IGNPAR(Kind.INPUT, 0x4, 0),
  PARMRK(Kind.INPUT, 0x8, 0),
  INPCK(Kind.INPUT, 0x10, 0),
  ISTRIP(Kind.INPUT, 0x20, 0),
  INLCR(Kind.INPUT, 0x40, 0),
  IGNCR(Kind.INPUT, 0x80, 0),
  ICRNL(Kind.INPUT, 0x100, 1),
  IUCLC(Kind.INPUT, 0x200, 0),
  IXON(Kind.INPUT, 0x400, 1),
  IXANY(Kind.INPUT, 0x800, 0),
  IXOFF(Kind.INPUT, 0x1000, 0),
  IMAXBEL(Kind.INPUT, 0x2000, 0),
  IUTF8(Kind.INPUT, 0x4000, 1),
  OPOST(Kind.OUTPUT, 0x1, 1),
  OLCUC(Kind.OUTPUT, 0x2, 0),
  ONLCR(Kind.OUTPUT, 0x4, 1),
  OCRNL(Kind.OUTPUT, 0x8, 0),
  ONOCR(Kind.OUTPUT, 0x10, 0),
  ONLRET(Kind.OUTPUT, 0x20, 0),
  ISIG(Kind.LOCAL, 0x1, 1),
  ICANON(Kind.LOCAL, 0x2, 1),
  XCASE(Kind.LOCAL, 0x4, 0),
  ECHO(Kind.LOCAL, 0x8, 1),
  ECHOE(Kind.LOCAL, 0x10, 1),
  ECHOK(Kind.LOCAL, 0x20, 1),
  ECHONL(Kind.LOCAL, 0x40, 0),
  NOFLSH(Kind.LOCAL, 0x80, 0),
  TOSTOP(Kind.LOCAL, 0x100, 0),
  ECHOCTL(Kind.LOCAL, 0x200, 1),
  ECHOKE(Kind.LOCAL, 0x800, 1),
  IEXTEN(Kind.LOCAL, 0x8000, 1),
  SPEED(Kind.SPEED, 0x100F, 38_400);

  /** So much of struct termios is looked at. */
  public static final int TERMIOS_BYTES = 17 + 19;

  /** What a key that is switched off is. */
  public static final int NO_KEY = 0;

  public static final int MAX_KEY = 255;
  public static final int MAX_SPEED = 4_000_000;

  private static final int SPEED_OFFSET = 8;
  private static final int KEYS_OFFSET = 17;

  /** In bits per second, by Linux's numbers for them; those from 16 on have another bit. */
  private static final int[] SPEEDS = {
    0, 50, 75, 110, 134, 150, 200, 300, 600, 1_200, 1_800, 2_400, 4_800, 9_600, 19_200, 38_400, -1,
    57_600, 115_200, 230_400, 460_800, 500_000, 576_000, 921_600, 1_000_000, 1_152_000, 1_500_000,
    2_000_000, 2_500_000, 3_000_000, 3_500_000, 4_000_000
  };

  private static final int SPEEDS_PER_BIT = 16;
  private static final int SPEED_BIT = 0x1000;
  private static final TerminalMode[] ALL = values();

  private final Kind kind;
  private final int place;
  private final int usual;

  private enum Kind {
    KEY(KEYS_OFFSET),
    INPUT(0),
    OUTPUT(4),
    LOCAL(12),
    SPEED(SPEED_OFFSET);

    private final int offset;

    Kind(int offset) {
      this.offset = offset;
    }
  }

  TerminalMode(Kind kind, int place, int usual) {
    this.kind = kind;
    this.place = place;
    this.usual = usual;
  }

  /** The one of that name on the wire; null: there is none. */
  public static @Nullable TerminalMode ofName(String name) {
    for (TerminalMode mode : ALL) {
      if (mode.wireName().equals(name)) {
        return mode;
      }
    }
    return null;
  }

  public String wireName() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Whether it is on or off, and its value 1 or 0. */
  public boolean isFlag() {
    return kind != Kind.KEY && kind != Kind.SPEED;
  }

  /** The largest value. */
  public int max() {
    return isFlag() ? 1 : kind == Kind.KEY ? MAX_KEY : MAX_SPEED;
  }

  /** What it is on a new terminal of a server's. */
  public int usual() {
    return usual;
  }

  /** What it is there; -1: a speed that has no number. */
  int of(byte[] termios) {
    if (kind == Kind.KEY) {
      return Byte.toUnsignedInt(termios[kind.offset + place]);
    }
    int flags = flags(termios).getInt(kind.offset) & place;
    if (isFlag()) {
      return flags == 0 ? 0 : 1;
    }
    int number = (flags & (SPEEDS_PER_BIT - 1)) + ((flags & SPEED_BIT) == 0 ? 0 : SPEEDS_PER_BIT);
    return SPEEDS[number];
  }

  /** Changes it there; a speed that has no number is left as it is. */
  void set(byte[] termios, int value) {
    if (kind == Kind.KEY) {
      termios[kind.offset + place] = (byte) value;
      return;
    }
    int bits = isFlag() ? (value == 0 ? 0 : place) : speedBits(value);
    if (bits >= 0) {
      ByteBuffer flags = flags(termios);
      flags.putInt(kind.offset, (flags.getInt(kind.offset) & ~place) | bits);
    }
  }

  // Not 0, which would hang up.
  private static int speedBits(int speed) {
    for (int number = 1; number < SPEEDS.length; number++) {
      if (SPEEDS[number] == speed) {
        return number < SPEEDS_PER_BIT ? number : SPEED_BIT | (number - SPEEDS_PER_BIT);
      }
    }
    return -1;
  }

  private static ByteBuffer flags(byte[] termios) {
    return ByteBuffer.wrap(termios).order(ByteOrder.nativeOrder());
  }
}
