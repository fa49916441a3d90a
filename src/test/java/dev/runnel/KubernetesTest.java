package dev.runnel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.runnel.security.identity.Tokens;
import dev.runnel.tls.TestCa;
import dev.runnel.tls.TlsFiles;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.IntOrString;
import io.fabric8.kubernetes.api.model.PodSpec;
import io.fabric8.kubernetes.api.model.Probe;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.SecurityContext;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServicePort;
import io.fabric8.kubernetes.api.model.Volume;
import io.fabric8.kubernetes.api.model.VolumeMount;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicy;
import java.io.IOException;
import java.math.BigDecimal;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** What {@code k8s/base} promises, read from what kustomize makes of it. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class KubernetesTest {
  private static final Path BASE = Path.of("k8s", "base");
  private static final int PORT = 7866;

  /** What the JVM takes: heap, logs, code, threads and buffers, each at its limit. */
  private static final BigDecimal JVM_BYTES = new BigDecimal(700L << 20);

  /** Node.stop waits as long for the jobs, and again for the connections. */
  private static final long STOP_SECONDS = 2 * 30;

  private KubernetesObjects objects = new KubernetesObjects(List.of());

  @BeforeAll
  void render() throws Exception {
    Tool.require("kubectl", "KubernetesTest");
    objects = KubernetesObjects.render(BASE);
  }

  @Test
  void isWhatIsPromisedAndNothingElse() {
    assertEquals(
        List.of("ConfigMap", "Deployment", "NetworkPolicy", "Service"),
        objects.trees().stream().map(KubernetesObjects::kindOf).sorted().toList());
  }

  @Test
  void hasNoKeyThatItsModelLacksAndWouldBeCaughtWithOne() throws Exception {
    for (ObjectNode tree : objects.trees()) {
      assertNotNull(KubernetesObjects.read(tree));
      int planted = KubernetesTypos.plant(tree);
      assertTrue(planted >= 3, KubernetesObjects.kindOf(tree) + ": typos planted: " + planted);
    }
  }

  @Test
  void isOneThatIsGoneBeforeTheNextComes() throws Exception {
    var spec = objects.only(Deployment.class).getSpec();
    assertEquals(1, spec.getReplicas());
    assertEquals("Recreate", spec.getStrategy().getType());
    assertEquals(spec.getSelector().getMatchLabels(), podLabels());
  }

  @Test
  void hasNoPrivileges() throws Exception {
    SecurityContext container = container().getSecurityContext();
    assertEquals(false, container.getAllowPrivilegeEscalation());
    assertEquals(true, container.getReadOnlyRootFilesystem());
    assertEquals(List.of("ALL"), container.getCapabilities().getDrop());
    assertEquals(List.of(), container.getCapabilities().getAdd());
    assertNull(container.getPrivileged());
    // Else it would win over the pod's.
    assertNull(container.getRunAsUser());
    assertNull(container.getRunAsNonRoot());
    assertNull(container.getSeccompProfile());

    var pod = pod().getSecurityContext();
    assertEquals(true, pod.getRunAsNonRoot());
    assertTrue(pod.getRunAsUser() > 0 && pod.getRunAsGroup() > 0, pod.toString());
    assertEquals("RuntimeDefault", pod.getSeccompProfile().getType());
    assertNull(pod().getHostNetwork());
    assertNull(pod().getHostPID());
    assertNull(pod().getHostIPC());
  }

  @Test
  void givesCommandsNothingOfTheClusters() throws Exception {
    assertEquals(false, pod().getAutomountServiceAccountToken());
    assertEquals(false, pod().getEnableServiceLinks());
    assertEquals(List.of(), container().getEnv());
    assertEquals(List.of(), container().getEnvFrom());
  }

  @Test
  void canWriteToItsTwoVolumesAlone() throws Exception {
    assertEquals(
        Set.of("/tmp", "/var/lib/runnel"),
        container().getVolumeMounts().stream()
            .filter(mount -> !Boolean.TRUE.equals(mount.getReadOnly()))
            .map(VolumeMount::getMountPath)
            .collect(Collectors.toSet()));
    for (String path : List.of("/tmp", "/var/lib/runnel")) {
      Volume volume = volume(path);
      assertNotNull(volume.getEmptyDir());
      assertTrue(Quantity.getAmountInBytes(volume.getEmptyDir().getSizeLimit()).signum() > 0);
    }
  }

  @Test
  void leavesRoomForCommandsBesideTheJvm() throws Exception {
    var resources = container().getResources();
    BigDecimal limit = bytes(resources.getLimits(), "memory");
    assertTrue(limit.compareTo(JVM_BYTES.add(new BigDecimal(1L << 30))) >= 0, "limit: " + limit);
    BigDecimal request = bytes(resources.getRequests(), "memory");
    assertTrue(request.compareTo(JVM_BYTES) >= 0, "request: " + request);
    assertNotNull(resources.getRequests().get("cpu"));
    assertFalse(resources.getLimits().containsKey("cpu"));
  }

  @Test
  void hasLongerToEndThanItNeeds() throws Exception {
    assertTrue(pod().getTerminationGracePeriodSeconds() > STOP_SECONDS);
  }

  @Test
  void isProbedForReadinessAndNeverEndedForIt() throws Exception {
    for (Probe probe : List.of(container().getStartupProbe(), container().getReadinessProbe())) {
      assertEquals(new IntOrString("http"), probe.getHttpGet().getPort());
      assertEquals("/readyz", probe.getHttpGet().getPath());
      assertEquals("HTTPS", probe.getHttpGet().getScheme());
      assertNull(probe.getExec());
    }
    assertNull(container().getLivenessProbe());
    Probe startup = container().getStartupProbe();
    assertTrue(startup.getPeriodSeconds() * startup.getFailureThreshold() >= 60);
  }

  @Test
  void isReachedThroughItsService() throws Exception {
    var service = objects.only(Service.class).getSpec();
    assertEquals(podLabels(), service.getSelector());
    ServicePort port = service.getPorts().getFirst();
    assertEquals(1, service.getPorts().size());
    assertEquals(PORT, port.getPort());
    assertEquals(new IntOrString(containerPort("runnel")), named(port.getTargetPort()));
    assertNull(service.getType());
  }

  @Test
  void isReachedByPodsOfItsClientsLabelOnly() throws Exception {
    var policy = objects.only(NetworkPolicy.class).getSpec();
    assertEquals(podLabels(), policy.getPodSelector().getMatchLabels());
    assertEquals(List.of("Ingress", "Egress"), policy.getPolicyTypes());
    assertEquals(1, policy.getIngress().size());
    var ingress = policy.getIngress().getFirst();
    assertEquals(1, ingress.getFrom().size());
    var peer = ingress.getFrom().getFirst();
    assertEquals(Map.of("runnel.dev/client", "true"), peer.getPodSelector().getMatchLabels());
    assertNull(peer.getNamespaceSelector());
    assertNull(peer.getIpBlock());
    assertEquals(1, ingress.getPorts().size());
    assertEquals(new IntOrString(PORT), ingress.getPorts().getFirst().getPort());
    assertEquals("TCP", ingress.getPorts().getFirst().getProtocol());
  }

  @Test
  void commandsDoNotReachTheCloudsCredentials() throws Exception {
    var blocks =
        objects.only(NetworkPolicy.class).getSpec().getEgress().stream()
            .flatMap(rule -> rule.getTo().stream())
            .map(peer -> peer.getIpBlock())
            .filter(block -> block != null)
            .collect(Collectors.toMap(block -> block.getCidr(), block -> block.getExcept()));
    assertEquals(Set.of("0.0.0.0/0", "::/0"), blocks.keySet());
    // AWS, GCP and Azure; Alibaba; Azure's other one.
    for (String metadata :
        List.of("169.254.169.254/32", "100.100.100.200/32", "168.63.129.16/32")) {
      assertTrue(blocks.getOrDefault("0.0.0.0/0", List.of()).contains(metadata), metadata);
    }
    assertTrue(blocks.getOrDefault("::/0", List.of()).contains("fd00:ec2::254/128"));
  }

  @Test
  void mountsItsSettingsAndTokensAndCertificateOfTheSecrets() throws Exception {
    ConfigMap settings = objects.only(ConfigMap.class);
    List<String> arguments = container().getArgs();
    assertEquals("--config", arguments.getFirst());
    assertEquals(2, arguments.size());
    Path config = Path.of(arguments.getLast());
    assertEquals(
        settings.getMetadata().getName(), volume("" + config.getParent()).getConfigMap().getName());
    JsonNode read = new YAMLMapper().readTree(settings.getData().get("" + config.getFileName()));
    assertEquals("0.0.0.0:" + containerPort("runnel"), read.path("listen").path(0).asText());
    assertEquals(1, read.path("listen").size());
    Path tokens = Path.of(read.path("tokens").asText());
    assertEquals("runnel-tokens", volume("" + tokens.getParent()).getSecret().getSecretName());
    assertEquals("tokens", "" + tokens.getFileName());
    for (String key : List.of("cert", "key")) {
      Path file = Path.of(read.path("tls").path(key).asText());
      assertEquals("runnel-tls", volume("" + file.getParent()).getSecret().getSecretName());
      assertEquals(key.equals("cert") ? "tls.crt" : "tls.key", "" + file.getFileName());
    }
    assertFalse(read.has("insecure"));
  }

  @Test
  void daemonTakesTheSettingsAndSaysNothingOfProbes(@TempDir Path folder) throws Exception {
    String text = objects.only(ConfigMap.class).getData().get("runneld.yaml");
    Path file = Files.writeString(folder.resolve("runneld.yaml"), text);
    Tokens.NewToken token = Tokens.create("ci");
    Path tokens = Files.writeString(folder.resolve("tokens"), token.line() + "\n");
    TestCa ca = new TestCa("ca");
    ca.issue("dns:runnel").write(folder, "tls");
    Path root = Files.writeString(folder.resolve("ca.crt"), ca.cert());
    // The command line wins: a port that is free, and files where there are some.
    String[] arguments = {
      "--config",
      "" + file,
      "--listen",
      "127.0.0.1:0",
      "--http",
      "127.0.0.1:0",
      "--tokens",
      "" + tokens,
      "--tls-cert",
      folder + "/tls.crt",
      "--tls-key",
      folder + "/tls.key"
    };
    try (Daemon daemon = Daemon.start(arguments)) {
      int port = daemon.port();
      for (int i = 0; i < 20; i++) {
        new Socket(InetAddress.getLoopbackAddress(), port).close();
      }
      awaitAnswer(port, new TlsFiles(root, null, null).context(), token.secret());
      daemon.process().destroy();
      assertEquals(0, daemon.exitCode());
      String log = daemon.log();
      assertTrue(log.contains("listening"), log);
      // Where it listens, for clients and for probes; the certificate is one of a day.
      long lines = log.lines().filter(line -> !line.contains("certificate expires soon")).count();
      assertEquals(2, lines, log);
    }
  }

  // Connections are accepted in order: once this one was answered, those before it were served.
  private static void awaitAnswer(int port, SSLContext tls, String secret) throws IOException {
    try (Socket plain = new Socket(InetAddress.getLoopbackAddress(), port);
        Socket socket = tls.getSocketFactory().createSocket(plain, "runnel", port, true)) {
      String hello =
          "{\"type\":\"hello\",\"version\":1,\"token\":\"" + secret + "\",\"total_size\":0}";
      byte[] frame = ("\0\0\0\0" + hello).getBytes(StandardCharsets.UTF_8);
      frame[0] = (byte) hello.length();
      socket.getOutputStream().write(frame);
      assertTrue(socket.getInputStream().read() >= 0);
    }
  }

  @Test
  void imageIsOfTheUserThatThePodRunsAs() throws Exception {
    List<String> lines = Files.readAllLines(Path.of("Dockerfile"));
    var context = pod().getSecurityContext();
    assertTrue(lines.contains("USER " + context.getRunAsUser() + ":" + context.getRunAsGroup()));
    assertTrue(lines.contains("EXPOSE " + PORT));
    assertTrue(lines.contains("STOPSIGNAL SIGTERM"));
    assertNull(container().getCommand().stream().findFirst().orElse(null));
  }

  private PodSpec pod() throws JsonProcessingException {
    return objects.only(Deployment.class).getSpec().getTemplate().getSpec();
  }

  private Map<String, String> podLabels() throws JsonProcessingException {
    return objects.only(Deployment.class).getSpec().getTemplate().getMetadata().getLabels();
  }

  private Container container() throws JsonProcessingException {
    assertEquals(1, pod().getContainers().size());
    assertEquals(List.of(), pod().getInitContainers());
    return pod().getContainers().getFirst();
  }

  private int containerPort(String name) throws JsonProcessingException {
    return container().getPorts().stream()
        .filter(port -> port.getName().equals(name))
        .findFirst()
        .orElseThrow()
        .getContainerPort();
  }

  private IntOrString named(IntOrString port) throws JsonProcessingException {
    return new IntOrString(containerPort(port.getStrVal()));
  }

  // What is mounted at that path.
  private Volume volume(String path) throws JsonProcessingException {
    String name =
        container().getVolumeMounts().stream()
            .filter(mount -> mount.getMountPath().equals(path))
            .findFirst()
            .orElseThrow()
            .getName();
    return pod().getVolumes().stream()
        .filter(volume -> volume.getName().equals(name))
        .findFirst()
        .orElseThrow();
  }

  private static BigDecimal bytes(Map<String, Quantity> quantities, String resource) {
    Quantity quantity = quantities.get(resource);
    if (quantity == null) {
      throw new AssertionError(resource + " is not set");
    }
    return Quantity.getAmountInBytes(quantity);
  }
}
