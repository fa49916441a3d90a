package dev.runnel.cli;

/** What {@code shell} does once its server is found. */
public interface Prompt {
  /** Runs on the calling thread until there is no more to run, and returns the exit code. */
  int run(ShellSession runner);
}
