package dev.runnel.bench;

import dev.runnel.cli.BenchOrder;
import java.io.IOException;

/**
 * What a daemon does most in its life, often enough that the JVM would compile it: for a daemon
 * whose JVM notes that, and tells those that come after. Measures nothing.
 */
public final class AotWarmup {
  private static final int COMMANDS = 4_000;
  private static final int IN_FLIGHT = 16;
  private static final int LARGE_WRITES = 4_096;
  private static final int LARGE_BYTES = 128 * 1024;
  private static final int SMALL_WRITES = 200_000;
  private static final int SMALL_BYTES = 64;

  private final BenchConnection link;

  private AotWarmup(BenchConnection link) {
    this.link = link;
  }

  /** Blocks until it is done. */
  public static String run(BenchOrder order) throws IOException {
    if (order.server() == null || order.host() == null) {
      throw new IOException("no host to practise with");
    }
    MeasuredServer server = new MeasuredServer(order.server(), order.host(), order.token(), null);
    try (BenchConnection link = BenchConnection.open(server)) {
      new AotWarmup(link).run();
    }
    return "";
  }

  private void run() throws IOException {
    byte[] one = BenchCommands.run("r", BenchCommands.NOTHING);
    for (int i = 0; i < COMMANDS; i++) {
      runAlone(one);
    }
    runManyAtOnce();
    runAlone(BenchCommands.run("large", BenchCommands.writing(LARGE_WRITES, LARGE_BYTES)));
    runAlone(BenchCommands.run("small", BenchCommands.writing(SMALL_WRITES, SMALL_BYTES)));
  }

  private void runAlone(byte[] frame) throws IOException {
    link.send(frame);
    var _ = link.awaitEnd();
  }

  private void runManyAtOnce() throws IOException {
    for (int i = 0; i < COMMANDS + IN_FLIGHT; i++) {
      if (i >= IN_FLIGHT) {
        var _ = link.awaitEnd();
      }
      if (i < COMMANDS) {
        link.send(BenchCommands.run(Integer.toString(i), BenchCommands.NOTHING));
      }
    }
  }
}
