package dev.runnel.http;

import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * One thing that has to be well.
 *
 * @param name by which the answer names it
 * @param ask what fails, with the reason in words, if it is not; asked on the listener's event loop
 */
public record Check(String name, Supplier<Future<?>> ask) {
  /** What is seen at once. */
  public static Check of(String name, BooleanSupplier isWell, String otherwise) {
    return new Check(
        name,
        () -> isWell.getAsBoolean() ? Future.succeededFuture() : Future.failedFuture(otherwise));
  }

  /** What a disk says; it is asked on a thread of its own, which may hang. */
  public static Check ofDisk(Vertx vertx, String name, DiskProbe probe) {
    return new Check(name, new DiskCheck(vertx, name, probe));
  }

  /** Writes something; blocks. */
  public interface DiskProbe {
    /** Throws if it can't, saying why. */
    void write() throws java.io.IOException;
  }
}
