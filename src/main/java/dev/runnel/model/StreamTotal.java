package dev.runnel.model;

/**
 * All that a process wrote to one stream, whoever got it.
 *
 * @param crc32 zlib's CRC-32 as an unsigned number
 */
public record StreamTotal(long bytes, long crc32) {
  /** Nobody knows. */
  public static final StreamTotal UNKNOWN = new StreamTotal(-1, 0);
}
