package dev.runnel.tools;

import dev.runnel.model.Argument;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import org.jspecify.annotations.Nullable;

/** A script: lines as the bytes they are, without a prompt. For one thread. */
final class PlainLines implements LineSource {
  private final InputStream in;

  PlainLines(InputStream in) {
    this.in = new BufferedInputStream(in);
  }

  @Override
  public @Nullable Argument next(String mark, @Nullable String folder) throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    int c;
    while ((c = in.read()) >= 0 && c != '\n') {
      line.write(c);
    }
    if (c < 0 && line.size() == 0) {
      return null;
    }
    try {
      return Argument.of(line.toByteArray());
    } catch (IllegalArgumentException e) {
      throw new IOException(e.getMessage(), e);
    }
  }
}
