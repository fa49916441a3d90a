package dev.runnel.tls;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.tls.TestCa.Issued;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import javax.net.ssl.SSLEngine;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What files TLS is made of, and what is said of others. */
@NullMarked
class TlsFilesTest {
  @TempDir Path folder = Path.of("");
  private Issued good = new Issued("", "");

  @BeforeEach
  void issue() throws Exception {
    TestCa ca = new TestCa("ca");
    good = ca.issue("dns:localhost");
    good.write(folder, "good");
    ca.issueRsa("dns:localhost").write(folder, "rsa");
    Files.writeString(folder.resolve("ca.crt"), ca.cert());
  }

  private TlsFiles files(String cert, String key) {
    return new TlsFiles(null, folder.resolve(cert), folder.resolve(key));
  }

  private String refusal(String cert, String key) {
    String message =
        String.valueOf(
            assertThrows(TlsException.class, () -> files(cert, key).context()).getMessage());
    assertTrue(message.startsWith(folder + "/"), message);
    return message.substring(folder.toString().length() + 1);
  }

  @Test
  void takesKeysOfEveryUsualForm() throws Exception {
    assertNotNull(files("good.crt", "good.key").context());
    assertNotNull(files("rsa.crt", "rsa.key").context());
    byte[] ec = Pem.parse(Files.readString(folder.resolve("good.key"))).getFirst().der();
    // What PKCS #8 wraps is the older form itself: after version, algorithm and an octet string's
    // head.
    Files.writeString(
        folder.resolve("old.key"),
        TestCa.pem("EC PRIVATE KEY", Arrays.copyOfRange(ec, 28, ec.length)));
    assertNotNull(files("good.crt", "old.key").context());
    byte[] rsa = Pem.parse(Files.readString(folder.resolve("rsa.key"))).getFirst().der();
    Files.writeString(
        folder.resolve("oldrsa.key"),
        TestCa.pem("RSA PRIVATE KEY", Arrays.copyOfRange(rsa, 26, rsa.length)));
    assertNotNull(files("rsa.crt", "oldrsa.key").context());
  }

  @Test
  void saysWhatIsWrongWithWhichFile() throws Exception {
    Files.writeString(folder.resolve("none"), "nothing\n");
    Files.writeString(folder.resolve("cut.key"), good.key().substring(0, 60));
    Files.writeString(
        folder.resolve("locked.key"), good.key().replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"));
    Files.writeString(folder.resolve("bad.crt"), TestCa.pem("CERTIFICATE", new byte[] {1, 2, 3}));
    Files.write(folder.resolve("big"), new byte[(1 << 20) + 1]);
    assertEquals("absent: no such file", refusal("absent", "good.key"));
    assertEquals("absent: no such file", refusal("good.crt", "absent"));
    assertEquals("none: no certificate in it (expected: PEM)", refusal("none", "good.key"));
    assertEquals("none: no private key in it (expected: PEM)", refusal("good.crt", "none"));
    assertEquals("cut.key: a PEM block without its end", refusal("good.crt", "cut.key"));
    assertEquals(
        "locked.key: the key is encrypted (expected: one without a password)",
        refusal("good.crt", "locked.key"));
    assertEquals("bad.crt: a certificate that is damaged", refusal("bad.crt", "good.key"));
    assertEquals("big: more than 1048576 bytes", refusal("big", "good.key"));
  }

  @Test
  void keyOfAnotherCertificateIsRefusedAndNotShown() throws Exception {
    new TestCa("other").issue("dns:localhost").write(folder, "other");
    for (String key : List.of("other.key", "rsa.key")) {
      String message = refusal("good.crt", key);
      assertTrue(message.startsWith(key + ": the key is not the certificate's"), message);
    }
    Files.writeString(folder.resolve("odd.key"), good.key().replaceAll("[A-M]", "*"));
    String message = refusal("good.crt", "odd.key");
    assertFalse(message.contains("*"), message);
  }

  @Test
  void reloadOfBrokenFilesLeavesAllAsItWas() throws Exception {
    ServerTls tls = ServerTls.of(files("good.crt", "good.key"));
    Files.writeString(folder.resolve("good.key"), "");
    assertThrows(TlsException.class, tls::reload);
    assertNotNull(tls.get());
  }

  @Test
  void engineSpeaksNothingOlderThanOneTwoAndNoSuiteWithoutItsOwnKeys() throws Exception {
    SSLEngine engine = ServerTls.of(files("good.crt", "good.key")).get();
    assertEquals(List.of("TLSv1.3", "TLSv1.2"), List.of(engine.getEnabledProtocols()));
    for (String suite : engine.getEnabledCipherSuites()) {
      assertTrue(suite.matches("TLS_(AES|CHACHA20|ECDHE).*(GCM|POLY1305).*"), suite);
    }
    assertFalse(engine.getUseClientMode());
    assertFalse(engine.getWantClientAuth());
  }
}
