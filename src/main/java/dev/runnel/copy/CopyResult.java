package dev.runnel.copy;

/**
 * How it went.
 *
 * @param files that were copied whole
 * @param bytes of theirs
 * @param problems with this end's files
 * @param complete whether the other end agrees
 */
public record CopyResult(long files, long bytes, long problems, boolean complete) {}
