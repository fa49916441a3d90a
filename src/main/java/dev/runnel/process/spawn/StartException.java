package dev.runnel.process.spawn;

import dev.runnel.model.StartFailure;
import dev.runnel.process.sys.CommandExcerpt;
import dev.runnel.process.sys.Errno;

/** Ends a start on its way; becomes what the listener is told. */
final class StartException extends Exception {
  private static final long serialVersionUID = 1;

  private final transient StartFailure failure;

  /**
   * @param what such as {@code exec /no/such}; the error's description is put behind it
   */
  StartException(int errno, StartFailure.At at, String what) {
    this(
        new StartFailure(
            Errno.name(errno), at, CommandExcerpt.of(what) + ": " + Errno.description(errno)));
  }

  StartException(StartFailure failure) {
    super(failure.message());
    this.failure = failure;
  }

  StartFailure failure() {
    return failure;
  }
}
