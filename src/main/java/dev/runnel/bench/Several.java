package dev.runnel.bench;

import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Several of a kind that are closed together. */
final class Several<T extends Closeable> implements AutoCloseable {
  private final List<T> all = new ArrayList<>();

  /** Makes one. */
  @FunctionalInterface
  interface Maker<T> {
    T make() throws IOException;
  }

  static <T extends Closeable> Several<T> of(int count, Maker<T> maker) throws IOException {
    Several<T> several = new Several<>();
    try {
      for (int i = 0; i < count; i++) {
        several.all.add(maker.make());
      }
      return several;
    } catch (IOException e) {
      several.close();
      throw e;
    }
  }

  T get(int index) {
    return all.get(index);
  }

  @Override
  public void close() throws IOException {
    for (T one : all) {
      one.close();
    }
  }
}
