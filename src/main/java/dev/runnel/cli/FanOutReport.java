package dev.runnel.cli;

import java.io.IOException;
import java.util.List;

/** The file that {@code --report} asks for, with a line of JSON for each node. */
public final class FanOutReport {
  private final EndReport file;

  private FanOutReport(EndReport file) {
    this.file = file;
  }

  /** Checks, before anything is run, that the file can be written. */
  static FanOutReport to(String name) throws Failure {
    return new FanOutReport(EndReport.to(name));
  }

  /** All of them, or what was there before. */
  public void write(List<NodeEnd> ends) throws IOException {
    StringBuilder text = new StringBuilder();
    for (NodeEnd end : ends) {
      text.append(end.json()).append('\n');
    }
    file.write(text.toString());
  }
}
