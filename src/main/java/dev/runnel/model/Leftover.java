package dev.runnel.model;

/**
 * A process that outlived its command.
 *
 * @param command at most 256 characters
 * @param ended whether we ended it and saw it gone
 */
public record Leftover(int pid, String command, boolean ended) {}
