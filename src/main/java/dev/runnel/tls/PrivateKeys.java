package dev.runnel.tls;

import java.io.ByteArrayOutputStream;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.PKCS8EncodedKeySpec;

/** Private keys from PEM blocks: PKCS #8, and the older forms of RSA and EC keys. */
final class PrivateKeys {
  private static final byte[] VERSION = {2, 1, 0};
  private static final int SEQUENCE = 0x30;
  private static final int OCTET_STRING = 4;
  private static final byte[] CHALLENGE = {'r', 'u', 'n', 'n', 'e', 'l'};

  private PrivateKeys() {}

  /** The key, if it is that of the certificate's. */
  static PrivateKey read(Pem block, PublicKey of) throws TlsException {
    byte[] pkcs8 =
        switch (block.label()) {
          case "PRIVATE KEY" -> block.der();
          case "RSA PRIVATE KEY", "EC PRIVATE KEY" -> wrap(block.der(), of);
          case "ENCRYPTED PRIVATE KEY" ->
              throw new TlsException("the key is encrypted (expected: one without a password)");
          default -> throw new TlsException("a key of a kind that is not known: " + block.label());
        };
    try {
      PrivateKey key =
          KeyFactory.getInstance(of.getAlgorithm()).generatePrivate(new PKCS8EncodedKeySpec(pkcs8));
      if (!belong(key, of)) {
        throw new TlsException("the key is not the certificate's");
      }
      return key;
    } catch (GeneralSecurityException _) {
      throw new TlsException("the key is not the certificate's, or damaged");
    }
  }

  // What PKCS #8 says in addition, the algorithm and the curve, stands in the public key as well.
  private static byte[] wrap(byte[] old, PublicKey of) throws TlsException {
    byte[] info = of.getEncoded();
    int start = contentStart(info, 0);
    int end = contentStart(info, start) + length(info, start);
    ByteArrayOutputStream content = new ByteArrayOutputStream();
    content.writeBytes(VERSION);
    content.write(info, start, end - start);
    content.writeBytes(element(OCTET_STRING, old));
    return element(SEQUENCE, content.toByteArray());
  }

  private static int contentStart(byte[] der, int at) {
    int first = der[at + 1] & 0xFF;
    return at + 2 + (first < 0x80 ? 0 : first - 0x80);
  }

  private static int length(byte[] der, int at) {
    int first = der[at + 1] & 0xFF;
    int length = first < 0x80 ? first : 0;
    for (int i = at + 2; i < contentStart(der, at); i++) {
      length = (length << 8) | (der[i] & 0xFF);
    }
    return length;
  }

  private static byte[] element(int tag, byte[] content) {
    ByteArrayOutputStream element = new ByteArrayOutputStream();
    element.write(tag);
    if (content.length < 0x80) {
      element.write(content.length);
    } else if (content.length < 0x100) {
      element.write(0x81);
      element.write(content.length);
    } else {
      element.write(0x82);
      element.write(content.length >>> 8);
      element.write(content.length);
    }
    element.writeBytes(content);
    return element.toByteArray();
  }

  private static boolean belong(PrivateKey key, PublicKey to) throws GeneralSecurityException {
    Signature signature = Signature.getInstance(algorithm(to));
    signature.initSign(key);
    signature.update(CHALLENGE);
    byte[] signed = signature.sign();
    signature.initVerify(to);
    signature.update(CHALLENGE);
    return signature.verify(signed);
  }

  private static String algorithm(PublicKey key) {
    return switch (key.getAlgorithm()) {
      case "RSA" -> "SHA256withRSA";
      case "EC" -> "SHA256withECDSA";
      default -> key.getAlgorithm();
    };
  }
}
