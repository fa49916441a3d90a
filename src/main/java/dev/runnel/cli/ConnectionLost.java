package dev.runnel.cli;

import org.jspecify.annotations.Nullable;

/** A connection was lost before the end came. */
final class ConnectionLost extends Exception {
  private static final long serialVersionUID = 1;

  /**
   * @param reason null: the server closed between two frames
   */
  ConnectionLost(@Nullable String reason) {
    super(reason, null, false, false);
  }

  /** Whether the server closed it, as it does for those it can't understand. */
  boolean isTheServers() {
    return getMessage() == null;
  }

  /** In brackets, to be put after what was lost; empty if there is nothing to say. */
  String because() {
    return getMessage() == null ? "" : " (" + getMessage() + ")";
  }
}
