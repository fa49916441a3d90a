package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.hazelcast.core.Hazelcast;
import com.hazelcast.core.HazelcastInstance;
import dev.runnel.Daemon;
import dev.runnel.cluster.Cluster;
import dev.runnel.cluster.ClusterOptions;
import dev.runnel.model.NodeIdentity;
import dev.runnel.tls.TestCa;
import dev.runnel.tls.TlsFiles;
import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Nodes that know each other by certificates, and those who would like to pass for one. */
@Tag("slow")
@Tag("either")
class ClusterTlsTest {
  private static final String FOR =
      "'type':'hello','id':'h','version':1,'for':"
          + "{'principal':'root','source':'192.0.2.1','via':'tcp','door':'n1'}";

  private static Path folder;
  private static Nodes nodes;

  @BeforeAll
  static void start(@TempDir Path made) throws Exception {
    folder = made;
    TestCa ca = new TestCa("cluster");
    Files.writeString(folder.resolve("ca.crt"), ca.cert());
    ca.issue("runnel://runnel/n1").write(folder, "n1");
    ca.issue("runnel://runnel/n2").write(folder, "n2");
    ca.issue("dns:client.example").write(folder, "client");
    ca.issue("runnel://another/n1").write(folder, "another");
    new TestCa("strange").issue("runnel://runnel/n1").write(folder, "strange");
    nodes = Nodes.start(2, number -> certificate("n" + number));
    nodes.awaitAll();
  }

  private static List<String> certificate(String name) {
    return List.of(
        "--cluster-cert", folder.resolve(name + ".crt").toString(),
        "--cluster-key", folder.resolve(name + ".key").toString(),
        "--cluster-ca", folder.resolve("ca.crt").toString());
  }

  @AfterAll
  static void end() throws Exception {
    nodes.close();
  }

  @Test
  void commandsGoThroughEachDoor() throws Exception {
    for (int door = 1; door <= 2; door++) {
      try (RawClient client = nodes.connect(door)) {
        for (String node : List.of("n1", "n2")) {
          client.send("'id':'r','node':'" + node + "'", "echo from $0; exit 3");
          assertEquals(node, client.nextOf("r").text("node"));
          RawClient.Ran ran = client.finish("r");
          assertEquals("from /bin/sh\n", ran.out());
          assertEquals(3, ran.end().path("exit_code").asInt(-1));
        }
      }
    }
  }

  @Test
  void aNodeMaySayForWhomItAsks() throws Exception {
    try (RawClient node = secured("n1")) {
      node.send(FOR);
      assertEquals("hello", node.finalOf("h").type());
      node.send("'id':'r'", "echo done");
      assertEquals("done\n", node.finish("r").out());
    }
  }

  // Whose certificate is of the cluster's CA, but no node's of this cluster.
  @Test
  void othersWithACertificateOfTheSameAuthorityMayNot() throws Exception {
    for (String name : List.of("client", "another")) {
      try (RawClient other = secured(name)) {
        other.send(FOR);
        other.expectClose("unauthenticated");
      }
      try (RawClient other = secured(name)) {
        other.send("'id':'r'", "echo done");
        other.expectClose("unauthenticated");
      }
    }
  }

  @Test
  void whoeverHasNoCertificateOfTheClustersAuthorityIsNotHeard() throws Exception {
    for (String name : List.of("", "strange")) {
      // The handshake of TLS 1.3 is over for a client before its certificate was looked at.
      assertThrows(
          IOException.class,
          () -> {
            try (RawClient other = secured(name)) {
              other.send(FOR);
              RawClient.Answer answer = other.next();
              assertEquals("unauthenticated", answer.text("code"), answer::toString);
              var _ = other.next();
            }
          },
          name);
    }
    try (Socket plain = nodes.frames(2)) {
      plain.setSoTimeout(30_000);
      plain.getOutputStream().write(RawClient.frame(FOR));
      byte[] answer = plain.getInputStream().readNBytes(4_096);
      assertFalse(new String(answer, StandardCharsets.ISO_8859_1).contains("hello"));
    }
  }

  @Test
  void certificatesAreDemandedUnlessAllAddressesAreLoopback() throws Exception {
    Map<String, String> places =
        Map.of("192.0.2.1:7867", "127.0.0.1", "127.0.0.1:7867", "127.0.0.1,192.0.2.1");
    for (Map.Entry<String, String> place : places.entrySet()) {
      try (Daemon refused =
          Daemon.start(
              "--insecure",
              "--listen",
              "127.0.0.1:0",
              "--cluster-listen",
              place.getKey(),
              "--cluster-join",
              place.getValue())) {
        assertTrue(refused.exitCode() != 0);
        assertTrue(refused.log().contains("give --cluster-cert FILE"), refused.log());
      }
    }
  }

  // It reaches the port that has no TLS, and is listed.
  @Test
  void aRogueMemberIsToldOfAndGetsNothing() throws Exception {
    Set<HazelcastInstance> before = Set.copyOf(Hazelcast.getAllHazelcastInstances());
    try (ServerSocket frames = new ServerSocket(7868, 50, InetAddress.getByName(nodes.address(3)));
        Cluster _ = join("rogue");
        RawClient client = nodes.connect(1)) {
      Until.holds(
          "the rogue is listed",
          () -> client.ask("'type':'nodes'").text().contains("\"node\":\"rogue\""));

      // What goes to it goes by TLS, to a node of that name.
      client.send("'id':'r','node':'rogue','job':'secret-job'", "echo secret-command");
      try (Socket door = frames.accept()) {
        byte[] hello = door.getInputStream().readNBytes(3);
        assertEquals(0x16, hello[0]);
        assertEquals(3, hello[1]);
      }

      // Its objects are not made, and its bytes are no news of others.
      HazelcastInstance own =
          Hazelcast.getAllHazelcastInstances().stream()
              .filter(each -> !before.contains(each))
              .findFirst()
              .orElseThrow();
      own.getTopic("runnel.loads").publish(new File("/etc/passwd"));
      own.getTopic("runnel.loads").publish(new byte[] {1, 2, 3});
      own.getTopic("runnel.loads").publish("n2");
      own.<String, Object>getMap("runnel.names").put("claimed", new byte[] {9, 9, 9});

      own.getLifecycleService().terminate();
      RawClient.Answer end = client.finalOf("r");
      assertTrue(Set.of("unavailable", "").contains(end.text("code")), end::toString);
      assertFalse(end.text("outcome").equals("exited"), end::toString);
    }
    try (RawClient first = nodes.connect(1);
        RawClient second = nodes.connect(2)) {
      second.send("'id':'r','node':'n1'", "echo alive");
      assertEquals("alive\n", second.finish("r").out());
      Until.holds("names can be claimed", () -> claims(first));
    }
  }

  private static boolean claims(RawClient client) throws IOException {
    client.send("'id':'n','job':'own','once':'o','linger_ms':60000", "true");
    return client.finish("n").outcome().equals("exited");
  }

  private static Cluster join(String name) throws Exception {
    ListenAddress.Tcp members = new ListenAddress.Tcp(nodes.address(3), 7867);
    ClusterOptions options =
        new ClusterOptions(
            ClusterOptions.DEFAULT_NAME,
            members,
            List.of(nodes.join().split(",")),
            Map.of(),
            ClusterOptions.DEFAULT_SILENCE,
            null);
    return Cluster.join(
        options,
        new Cluster.Joiner(
            new NodeIdentity(name, name),
            "0",
            options.frames(),
            () -> new Cluster.Having(0, 1_000, false),
            Duration.ofMinutes(1)));
  }

  /** Connected to where the second takes frames of others, with that certificate or none. */
  private static RawClient secured(String name) throws Exception {
    boolean hasOne = !name.isEmpty();
    TlsFiles files =
        new TlsFiles(
            folder.resolve("ca.crt"),
            hasOne ? folder.resolve(name + ".crt") : null,
            hasOne ? folder.resolve(name + ".key") : null);
    SSLSocket socket =
        (SSLSocket)
            files.context().getSocketFactory().createSocket(nodes.frames(2), "n2", 7868, true);
    return new RawClient(socket);
  }
}
