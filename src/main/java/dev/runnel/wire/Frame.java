package dev.runnel.wire;

/**
 * A whole frame.
 *
 * @param body of exactly {@code header.totalSize()} bytes; belongs to whoever got the frame
 */
@SuppressWarnings("ArrayRecordComponent") // Moved, never compared.
public record Frame(Header header, byte[] body) {}
