package dev.runnel.spool;

/** What stands in a file is nothing that was written there by us. */
public final class BadSpoolException extends Exception {
  private static final long serialVersionUID = 1;

  BadSpoolException(String what) {
    super(what);
  }
}
