package dev.runnel.cli;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;

/** What went wrong with a file, in words. */
public final class Reasons {
  private Reasons() {}

  /** Without the file's name. */
  public static String of(IOException e) {
    return switch (e) {
      case NoSuchFileException _ -> "no such file or folder";
      case AccessDeniedException _ -> "permission denied";
      case FileAlreadyExistsException _ -> "there is a file in its place";
      default -> e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    };
  }

  /** With the file's name, if it is known. */
  static String withFile(IOException e) {
    String file = e instanceof FileSystemException known ? known.getFile() : null;
    return file == null ? of(e) : of(e, file);
  }

  static String of(IOException e, String file) {
    String reason = of(e);
    return reason.startsWith(file) ? reason : file + ": " + reason;
  }
}
