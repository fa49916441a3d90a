package dev.runnel.tls;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

/** A certificate authority for tests, which writes its certificates' bytes itself. */
public final class TestCa {
  private static final int SEQUENCE = 0x30;
  private static final byte[] ECDSA_WITH_SHA256 =
      der(SEQUENCE, der(6, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 2));
  private static final byte[] ALT_NAMES = der(6, 0x55, 0x1D, 0x11);
  private static final byte[] BASIC_CONSTRAINTS = der(6, 0x55, 0x1D, 0x13);
  private static final byte[] TRUE = der(1, 0xFF);
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyyMMddHHmmss'Z'").withZone(ZoneOffset.UTC);

  private final String name;
  private final KeyPair keys;
  private final byte[] certificate;

  /** A certificate and its key, as PEM. */
  public record Issued(String cert, String key) {
    /** Writes {@code NAME.crt} and {@code NAME.key}, each replaced at once. */
    public void write(Path folder, String name) throws IOException {
      replace(folder.resolve(name + ".crt"), cert);
      replace(folder.resolve(name + ".key"), key);
    }

    private static void replace(Path file, String text) throws IOException {
      Path next = Files.writeString(file.resolveSibling(file.getFileName() + ".new"), text);
      Files.setPosixFilePermissions(next, PosixFilePermissions.fromString("rw-------"));
      Files.move(
          next,
          file,
          java.nio.file.StandardCopyOption.ATOMIC_MOVE,
          java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    }
  }

  public TestCa(String name) throws GeneralSecurityException {
    this.name = name;
    this.keys = keyPair("EC", 256);
    byte[] constraints = der(SEQUENCE, BASIC_CONSTRAINTS, TRUE, der(4, der(SEQUENCE, TRUE)));
    this.certificate = sign(name, keys, constraints, Instant.now().plus(Duration.ofDays(1)));
  }

  /** Its own certificate, as PEM. */
  public String cert() {
    return pem("CERTIFICATE", certificate);
  }

  /** One for {@code dns:NAME}, {@code ip:ADDRESS} or any URI, which are its alternative names. */
  public Issued issue(String... names) throws GeneralSecurityException, IOException {
    return issue(Instant.now().plus(Duration.ofDays(1)), names);
  }

  /** The same until that time. */
  public Issued issue(Instant until, String... names) throws GeneralSecurityException, IOException {
    return issue(keyPair("EC", 256), until, names);
  }

  /** The same with an RSA key. */
  public Issued issueRsa(String... names) throws GeneralSecurityException, IOException {
    return issueRsa(2_048, names);
  }

  /** The same with one of so many bits. */
  public Issued issueRsa(int bits, String... names) throws GeneralSecurityException, IOException {
    return issue(keyPair("RSA", bits), Instant.now().plus(Duration.ofDays(1)), names);
  }

  private Issued issue(KeyPair pair, Instant until, String... names)
      throws GeneralSecurityException, IOException {
    List<byte[]> general = new ArrayList<>();
    for (String text : names) {
      general.add(generalName(text));
    }
    byte[] alternatives =
        names.length == 0
            ? new byte[0]
            : der(SEQUENCE, ALT_NAMES, der(4, der(SEQUENCE, general.toArray(byte[][]::new))));
    return new Issued(
        pem("CERTIFICATE", sign("test", pair, alternatives, until)),
        pem("PRIVATE KEY", pair.getPrivate().getEncoded()));
  }

  /** Its list of those that were taken back, as PEM. */
  public String revocationList(List<Issued> revoked) throws GeneralSecurityException {
    Instant now = Instant.now();
    List<byte[]> entries = new ArrayList<>();
    for (Issued one : revoked) {
      X509Certificate certificate =
          (X509Certificate)
              CertificateFactory.getInstance("X.509")
                  .generateCertificate(
                      new ByteArrayInputStream(one.cert().getBytes(StandardCharsets.US_ASCII)));
      byte[] serial = der(2, certificate.getSerialNumber().toByteArray());
      entries.add(der(SEQUENCE, serial, time(now.minusSeconds(60))));
    }
    byte[] content =
        der(
            SEQUENCE,
            der(2, 1),
            ECDSA_WITH_SHA256,
            distinguished(name),
            time(now.minusSeconds(60)),
            time(now.plus(Duration.ofDays(1))),
            entries.isEmpty() ? new byte[0] : der(SEQUENCE, entries.toArray(byte[][]::new)));
    return pem("X509 CRL", signed(content));
  }

  private byte[] signed(byte[] content) throws GeneralSecurityException {
    Signature signature = Signature.getInstance("SHA256withECDSA");
    signature.initSign(keys.getPrivate());
    signature.update(content);
    return der(SEQUENCE, content, ECDSA_WITH_SHA256, der(3, new byte[1], signature.sign()));
  }

  private static byte[] generalName(String text) throws IOException {
    if (text.startsWith("dns:")) {
      return der(0x82, text.substring(4).getBytes(StandardCharsets.US_ASCII));
    }
    return text.startsWith("ip:")
        ? der(0x87, InetAddress.ofLiteral(text.substring(3)).getAddress())
        : der(0x86, text.getBytes(StandardCharsets.US_ASCII));
  }

  private byte[] sign(String subject, KeyPair pair, byte[] extensions, Instant until)
      throws GeneralSecurityException {
    Instant since = Instant.now().minus(Duration.ofDays(2));
    byte[] serial = new BigInteger(64, new SecureRandom()).setBit(64).toByteArray();
    byte[] content =
        der(
            SEQUENCE,
            der(0xA0, der(2, 2)),
            der(2, serial),
            ECDSA_WITH_SHA256,
            distinguished(name),
            der(SEQUENCE, time(since), time(until)),
            distinguished(subject),
            pair.getPublic().getEncoded(),
            extensions.length == 0 ? extensions : der(0xA3, der(SEQUENCE, extensions)));
    return signed(content);
  }

  private static byte[] distinguished(String common) {
    byte[] text = der(0x0C, common.getBytes(StandardCharsets.UTF_8));
    return der(SEQUENCE, der(0x31, der(SEQUENCE, der(6, 0x55, 4, 3), text)));
  }

  private static byte[] time(Instant instant) {
    return der(0x18, TIME.format(instant).getBytes(StandardCharsets.US_ASCII));
  }

  private static KeyPair keyPair(String algorithm, int bits) throws GeneralSecurityException {
    KeyPairGenerator generator = KeyPairGenerator.getInstance(algorithm);
    generator.initialize(bits);
    return generator.generateKeyPair();
  }

  static String pem(String label, byte[] bytes) {
    String text = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(bytes);
    return "-----BEGIN " + label + "-----\n" + text + "\n-----END " + label + "-----\n";
  }

  private static byte[] der(int tag, int... content) {
    byte[] bytes = new byte[content.length];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) content[i];
    }
    return der(tag, bytes);
  }

  private static byte[] der(int tag, byte[]... parts) {
    ByteArrayOutputStream content = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      content.writeBytes(part);
    }
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    all.write(tag);
    if (content.size() < 0x80) {
      all.write(content.size());
    } else if (content.size() < 0x100) {
      all.write(0x81);
      all.write(content.size());
    } else {
      all.write(0x82);
      all.write(content.size() >>> 8);
      all.write(content.size());
    }
    all.writeBytes(content.toByteArray());
    return all.toByteArray();
  }
}
