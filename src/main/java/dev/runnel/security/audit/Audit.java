package dev.runnel.security.audit;

import io.vertx.core.Future;
import java.util.function.Supplier;

/** The record of who did what; entries are made only if there is one. Any thread, no blocking. */
public interface Audit {
  /** No record. */
  Audit NONE =
      new Audit() {
        @Override
        public Future<Void> before(Supplier<AuditEntry> entry) {
          return Future.succeededFuture();
        }

        @Override
        public void note(Supplier<AuditEntry> entry) {}

        @Override
        public void noteSome(String source, Supplier<AuditEntry> entry) {}

        @Override
        public void noteOnce(String what, Supplier<AuditEntry> entry) {}
      };

  /**
   * Records what is about to be done. Done when it is written, and failed if it can't be and has
   * to: then it is not to be done. Failed with a {@link LateException} it is written all the same,
   * later. What follows may run on a thread of the record's own.
   */
  Future<Void> before(Supplier<AuditEntry> entry);

  /** Records what was done. If it can't be written now it waits, as long as there is room. */
  void note(Supplier<AuditEntry> entry);

  /**
   * Records what anybody can cause as often as they like: so many a minute of one source and of
   * all, and then how many were left out.
   */
  void noteSome(String source, Supplier<AuditEntry> entry);

  /** Records what those who are known do all the time: of the same, one in a minute. */
  void noteOnce(String what, Supplier<AuditEntry> entry);

  /** It was waited for no longer; it will be written, and then its end belongs there, too. */
  final class LateException extends Exception {
    private static final long serialVersionUID = 1;

    LateException(String message) {
      super(message, null, false, false);
    }
  }
}
