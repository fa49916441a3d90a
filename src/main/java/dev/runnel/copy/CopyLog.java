package dev.runnel.copy;

/** What is told while files are copied, by either end. */
public interface CopyLog {
  /** Something could not be copied, or not as it was; the others are. */
  void problem(String line);

  /** That many bytes of files went through, or are there already. */
  default void moved(long bytes) {}

  /** A file begins. */
  default void begun(String name) {}
}
