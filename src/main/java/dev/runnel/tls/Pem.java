package dev.runnel.tls;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

/** The blocks of a PEM file, RFC 7468: what stands between {@code BEGIN} and {@code END}. */
final class Pem {
  private static final String BEGIN = "-----BEGIN ";
  private static final String END = "-----END ";
  private static final String DASHES = "-----";

  private final String label;
  private final byte[] der;

  private Pem(String label, byte[] der) {
    this.label = label;
    this.der = der;
  }

  /** Text outside of blocks counts for nothing. */
  static List<Pem> parse(String text) throws TlsException {
    List<Pem> blocks = new ArrayList<>();
    int at = text.indexOf(BEGIN);
    while (at >= 0) {
      int labelEnd = text.indexOf(DASHES, at + BEGIN.length());
      String label = labelEnd < 0 ? "" : text.substring(at + BEGIN.length(), labelEnd);
      int end = labelEnd < 0 ? -1 : text.indexOf(END + label + DASHES, labelEnd);
      if (end < 0 || label.indexOf('\n') >= 0) {
        throw new TlsException("a PEM block without its end");
      }
      blocks.add(new Pem(label, decode(text.substring(labelEnd + DASHES.length(), end))));
      at = text.indexOf(BEGIN, end);
    }
    return blocks;
  }

  // A key's text must not get into a message: the decoder's own quotes a character of it.
  private static byte[] decode(String base64) throws TlsException {
    try {
      return Base64.getMimeDecoder().decode(base64.getBytes(StandardCharsets.US_ASCII));
    } catch (IllegalArgumentException _) {
      throw new TlsException("a PEM block that is not Base64");
    }
  }

  String label() {
    return label;
  }

  byte[] der() {
    return der;
  }

  boolean isCertificate() {
    return label.equals("CERTIFICATE");
  }

  boolean isKey() {
    return label.endsWith("PRIVATE KEY");
  }
}
