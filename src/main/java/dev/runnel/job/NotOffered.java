package dev.runnel.job;

import dev.runnel.model.ErrorCode;
import dev.runnel.model.Lasting;
import dev.runnel.model.Request;

/** What is known and not offered yet. Any thread. */
public final class NotOffered {
  private NotOffered() {}

  /**
   * Lets pass what is offered.
   *
   * @throws RefusedException naming the key or the type that is not
   */
  public static void check(Request request) throws RefusedException {
    switch (request) {
      case Request.Run run -> run(run);
      case Request _ -> {}
    }
  }

  private static void run(Request.Run run) throws RefusedException {
    Lasting lasting = run.spec().lasting();
    if (lasting.onFull() == Lasting.OnFull.SPOOL) {
      refuse("on_full: " + lasting.onFull().wireName());
    }
  }

  private static void refuse(String what) throws RefusedException {
    throw new RefusedException(ErrorCode.UNSUPPORTED, what + " is not offered");
  }
}
