package dev.runnel.tls;

/**
 * Files of which no TLS can be made; the message names the file. Has no stack trace: whoever wrote
 * the file made the mistake.
 */
public final class TlsException extends Exception {
  private static final long serialVersionUID = 1;

  TlsException(String message) {
    super(message, null, false, false);
  }
}
