package dev.runnel.process;

/**
 * Somebody in a session.
 *
 * @param command for people, at most 256 characters
 */
record Member(int pid, String command) {}
