package dev.runnel.server;

import java.util.concurrent.atomic.LongAdder;

/** What the connections of a node handed to the transport that it has not taken. Any thread. */
public final class Unsent {
  private final LongAdder output = new LongAdder();
  private final LongAdder answers = new LongAdder();

  /** Bytes of output frames. */
  public long outputBytes() {
    return output.sum();
  }

  /** Bytes of all other frames. */
  public long answerBytes() {
    return answers.sum();
  }

  void addOutput(long bytes) {
    output.add(bytes);
  }

  void addAnswers(long bytes) {
    answers.add(bytes);
  }
}
