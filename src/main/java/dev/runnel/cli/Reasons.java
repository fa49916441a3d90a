package dev.runnel.cli;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;

/** What went wrong with a file, in words. */
final class Reasons {
  private Reasons() {}

  static String of(IOException e, String file) {
    return switch (e) {
      case NoSuchFileException _ -> file + ": no such file or folder";
      case AccessDeniedException _ -> file + ": permission denied";
      default -> {
        String message = String.valueOf(e.getMessage());
        yield message.startsWith(file) ? message : file + ": " + message;
      }
    };
  }
}
