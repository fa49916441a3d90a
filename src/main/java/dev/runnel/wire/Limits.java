package dev.runnel.wire;

/** The sizes of PROTOCOL.md, "The frame". */
public final class Limits {
  /** Bytes of the length that precedes a header. */
  public static final int PREFIX_BYTES = 4;

  public static final int MIN_HEADER_BYTES = 2;
  public static final int MAX_HEADER_BYTES = 65_536;
  public static final int MAX_BODY_BYTES = 131_072;

  /** Header and body of any frame. */
  public static final int MAX_FRAME_BYTES = MAX_HEADER_BYTES + MAX_BODY_BYTES;

  /** The same of a peer that is not known yet. */
  public static final int MAX_STRANGER_BYTES = 4_096;

  public static final int MAX_ID_BYTES = 64;
  public static final int MAX_NESTING = 32;

  /** Integers beyond this lose digits in languages whose only number is a double. */
  public static final long MAX_INTEGER = (1L << 53) - 1;

  /** How far stdin may run ahead of its last {@code stdin_ack}. */
  public static final int STDIN_WINDOW_BYTES = 65_536;

  private Limits() {}
}
