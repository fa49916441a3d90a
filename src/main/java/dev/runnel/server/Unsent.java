package dev.runnel.server;

import java.util.concurrent.atomic.LongAdder;

/**
 * What the connections of a node handed to the transport that it has not taken. The more that is,
 * the less each of them may hand over ahead of time. Any thread.
 */
public final class Unsent {
  private static final int OUTPUT_PART_OF_HEAP = 8;
  private static final int ANSWERS_PART_OF_HEAP = 16;

  /** What a connection may be handed however much the others were: it has to get on. */
  private static final int MIN_BYTES = 8 * 1024;

  private final long maxHeap = Runtime.getRuntime().maxMemory();
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

  /** How much output may be under way on a connection that by itself might have that much. */
  int outputAllowance(int most) {
    return allowance(most, maxHeap / OUTPUT_PART_OF_HEAP - outputBytes());
  }

  /** The same of answers. */
  int answerAllowance(int most) {
    return allowance(most, maxHeap / ANSWERS_PART_OF_HEAP - answerBytes());
  }

  // A quarter of what is left: those that come later are to find some, too.
  private static int allowance(int most, long left) {
    return (int) Math.min(most, Math.max(MIN_BYTES, left / 4));
  }

  void addOutput(long bytes) {
    output.add(bytes);
  }

  void addAnswers(long bytes) {
    answers.add(bytes);
  }
}
