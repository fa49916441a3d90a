package dev.runnel.cli;

/**
 * Tells how {@code exec} ended, once, whichever thread comes first: on stderr and in the report.
 */
final class Conclusion {
  private final Surroundings surroundings;
  private final Arguments arguments;
  private boolean told;

  Conclusion(Surroundings surroundings, Arguments arguments) {
    this.surroundings = surroundings;
    this.arguments = arguments;
  }

  /** Returns the exit code, which is another one if the report could not be written. */
  synchronized int tell(Verdict verdict) {
    if (told) {
      return verdict.exitCode();
    }
    told = true;
    if (verdict.complaint() != null) {
      surroundings.err().tryPrintLine(verdict.complaint());
    }
    if (verdict.note() != null && !arguments.has(ExecOptions.QUIET)) {
      surroundings.err().tryPrintLine(verdict.note());
    }
    return verdict.exitCode();
  }
}
