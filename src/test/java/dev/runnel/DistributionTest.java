package dev.runnel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What {@code runnel package} makes, and the caches that it leaves in a checkout. */
@SuppressWarnings("NullAway.Init") // Set before all tests.
@Timeout(600)
@Tag("either")
@Tag("slow")
class DistributionTest {
  private static final String TOLD = "while they run.";

  @TempDir private static Path temporary;
  private static Checkout checkout;
  private static Path archive;
  private static Path unpacked;

  @BeforeAll
  @Timeout(600)
  static void packAndUnpack() throws Exception {
    checkout = Checkout.copyTo(temporary.resolve("a checkout"));
    checkout.rewriteJar(checkout.jar(), bytes -> bytes);
    Path state = temporary.resolve("state");
    Map<String, String> environment = new HashMap<>(checkout.launcher().environment());
    environment.put("XDG_STATE_HOME", state.toString());
    environment.put("RUNNEL_TRAINING", "short");
    Launcher.Ran packed = checkout.launcher().with(environment).run("package");
    assertEquals(0, packed.exitCode(), packed.err());
    assertFalse(Files.exists(state), "what is rehearsed is nobody's job");
    archive = Path.of(packed.out().strip());
    unpacked = unpack(temporary.resolve("somewhere else"));
  }

  private static Path unpack(Path folder) throws Exception {
    Files.createDirectories(folder);
    Launcher.Ran tar =
        Launcher.run(new ProcessBuilder("tar", "xzf", archive.toString(), "-C", folder.toString()));
    assertEquals(0, tar.exitCode(), tar.err());
    try (Stream<Path> entries = Files.list(folder)) {
      return entries.findFirst().orElseThrow();
    }
  }

  @Test
  void isNamedAfterVersionAndMachine() {
    String name = archive.getFileName().toString();
    assertTrue(name.matches("runnel-[0-9].*-linux-(x86_64|aarch64)\\.tar\\.gz"), name);
    assertEquals(name.replaceAll("-linux-.*", ""), unpacked.getFileName().toString());
  }

  @Test
  void pythonClientIsPackedInTheSameVersion(@TempDir Path folder) throws Exception {
    Tool.require("python3", "DistributionTest.pythonClientIsPackedInTheSameVersion");
    String version = unpacked.getFileName().toString().substring("runnel-".length());
    // As PEP 440 writes what comes before a release.
    String python = version.replace("-SNAPSHOT", ".dev0");
    Path made = checkout.folder().resolve("target/python");
    Path wheel = made.resolve("runnel-" + python + "-py3-none-any.whl");
    assertTrue(Files.exists(wheel), wheel.toString());
    assertTrue(Files.exists(made.resolve("runnel-" + python + ".tar.gz")));
    Path place = folder.resolve("venv");
    Launcher.Ran venv = Launcher.run(new ProcessBuilder("python3", "-m", "venv", place.toString()));
    Path interpreter = place.resolve("bin/python");
    Launcher.Ran installed;
    if (venv.exitCode() == 0) {
      installed =
          Launcher.run(
              new ProcessBuilder(
                  interpreter.toString(),
                  "-m",
                  "pip",
                  "install",
                  "--no-index",
                  "--disable-pip-version-check",
                  wheel.toString()));
    } else {
      // Debian's python3 alone has neither pip nor what makes environments: a wheel is a zip file.
      interpreter = Path.of("python3");
      installed =
          Launcher.run(
              new ProcessBuilder(
                  "python3", "-m", "zipfile", "-e", wheel.toString(), folder.toString()));
    }
    assertEquals(0, installed.exitCode(), installed.out() + installed.err());
    String line = "import runnel, runnel.sync; print(runnel.__version__, runnel.sync.connect)";
    ProcessBuilder imports = new ProcessBuilder(interpreter.toString(), "-c", line);
    imports.directory(folder.toFile()).environment().remove("PYTHONPATH");
    Launcher.Ran ran = Launcher.run(imports);
    assertTrue(ran.out().startsWith(python + " <function connect"), ran.out() + ran.err());
  }

  @Test
  void javaScriptClientIsPackedInTheSameVersion(@TempDir Path folder) throws Exception {
    Tool.require("node", "DistributionTest.javaScriptClientIsPackedInTheSameVersion");
    String name = unpacked.getFileName().toString();
    Path packed = checkout.folder().resolve("target/js/" + name + ".tgz");
    assertTrue(Files.exists(packed), packed.toString());
    Path modules = Files.createDirectories(folder.resolve("node_modules"));
    Launcher.Ran tar =
        Launcher.run(new ProcessBuilder("tar", "xzf", packed.toString(), "-C", modules.toString()));
    assertEquals(0, tar.exitCode(), tar.err());
    Files.move(modules.resolve("package"), modules.resolve("runnel"));
    String program =
        """
        import { connect, DamagedError } from "runnel";
        import { connect as overWebSocket } from "runnel/browser";
        import { createRequire } from "node:module";
        const { version } = createRequire(import.meta.url)("runnel/package.json");
        console.log(version, [connect, DamagedError, overWebSocket].map((one) => typeof one).join());
        """;
    Path file = Files.writeString(folder.resolve("imports.mjs"), program);
    Launcher.Ran ran = Launcher.run(new ProcessBuilder("node", file.toString()));
    String version = name.substring("runnel-".length());
    assertEquals(new Launcher.Ran(0, version + " function,function,function\n", ""), ran);
    for (String part : List.of("README.md", "LICENSE", "index.d.ts", "examples/ci-step.js")) {
      assertTrue(Files.exists(modules.resolve("runnel").resolve(part)), part);
    }
  }

  @Test
  void runsWithoutAJdkFromAFolderWithASpace() throws Exception {
    Launcher launcher = Launcher.ofDistribution(unpacked);
    Launcher.Ran version = launcher.run("--version");
    assertEquals(new Launcher.Ran(0, version.out(), ""), version);
    assertEquals(
        new Launcher.Ran(3, "one\n", "two\n"),
        launcher.run("exec", "--", "/bin/sh", "-c", "echo one; echo two >&2; exit 3"));
    try (Served served = serve(launcher)) {
      assertEquals(
          new Launcher.Ran(0, "one\n", ""),
          launcher.run("exec", "-H", served.host(), "--", "/bin/sh", "-c", "echo one"));
    }
  }

  @Test
  void hasNothingToBuildOrToTest() throws Exception {
    Launcher launcher = Launcher.ofDistribution(unpacked);
    for (String verb : List.of("test", "package", "train")) {
      Launcher.Ran ran = launcher.run(verb);
      assertEquals(255, ran.exitCode());
      assertTrue(ran.err().contains("no sources"), ran.err());
    }
  }

  @Test
  void clientAndServerStartFromCaches() throws Exception {
    Launcher launcher = Launcher.ofDistribution(unpacked);
    try (Served served = serve(launcher, "--dumpable")) {
      assertTrue(mapped(served.process()).contains("/app/aot/serve-"));
      try (Waiting client = Waiting.of(launcher, "-H", served.host())) {
        assertTrue(mapped(client.process()).contains("/app/aot/client-"));
      }
    }
    try (Waiting client = Waiting.of(launcher)) {
      long pid = client.process().children().findFirst().orElseThrow().pid();
      assertTrue(Files.readString(Path.of("/proc/" + pid + "/maps")).contains("/app/aot/serve-"));
    }
  }

  @Test
  void execLoadsEveryClassFromItsCache() throws Exception {
    Launcher launcher = Launcher.ofDistribution(unpacked);
    try (Served served = serve(launcher)) {
      assertEquals(List.of(), loadedFromElsewhere(launcher, "-H", served.host()));
    }
  }

  @Test
  void execThroughTlsHasACacheOfItsOwn() throws Exception {
    String pem = Path.of("src/main/sh/training/server.pem").toAbsolutePath().toString();
    String ca = Path.of("src/main/sh/training/ca.pem").toAbsolutePath().toString();
    Launcher launcher = Launcher.ofDistribution(unpacked);
    try (Served served = serve(launcher, "--tls-cert", pem, "--tls-key", pem)) {
      String[] options = {"-H", served.host(), "--ca", ca};
      List<String> others = loadedFromElsewhere(launcher, options);
      // No cache holds what the JDK's own pattern switches are made into, nor the two classes by
      // which it looks for a logger of certificates.
      others.removeIf(
          line -> line.matches(".*(\\$\\$TypeSwitch/| java\\.(lang\\.invoke|util)\\.).*"));
      assertEquals(List.of(), others);
      try (Waiting client = Waiting.of(launcher, options)) {
        assertTrue(mapped(client.process()).contains("/app/aot/tls-"));
      }
    }
  }

  /** The classes that an {@code exec} did not find in its cache. */
  private static List<String> loadedFromElsewhere(Launcher launcher, String... options)
      throws Exception {
    List<String> command;
    try (Waiting client = Waiting.of(launcher, options)) {
      command = new ArrayList<>(arguments(client.process()));
    }
    Path log = Files.createTempFile(temporary, "classes", ".log");
    command.add(command.indexOf("-cp"), "-Xlog:class+load:file=" + log);
    Launcher.Ran ran = Launcher.run(new ProcessBuilder(command));
    assertEquals(new Launcher.Ran(0, "here\n", ""), ran);
    return Files.readAllLines(log).stream()
        .filter(line -> !line.contains("shared objects file"))
        // What only the flight recorder wants, the JVM leaves out of caches.
        .filter(line -> !line.contains(" jdk.internal.event."))
        .collect(Collectors.toCollection(ArrayList::new));
  }

  @Test
  void anotherJarIsNeverRunFromTheOldOnesCache(@TempDir Path folder) throws Exception {
    Checkout rebuilt = checkout.copy(folder.resolve("a copy"));
    Launcher launcher = rebuilt.launcher();
    assertTrue(launcher.run("--help").out().contains(TOLD));
    Path cacheBefore = rebuilt.cache("client");
    assertTrue(Files.exists(cacheBefore));
    Path newJar = folder.resolve("new.jar");
    rebuilt.rewriteJar(newJar, DistributionTest::shout);
    assertEquals(Files.size(rebuilt.jar()), Files.size(newJar));
    assertEquals(Files.getLastModifiedTime(rebuilt.jar()), Files.getLastModifiedTime(newJar));

    Launcher builds = launcher.with(environmentWithMaven(folder, newJar));
    assertTrue(builds.run("--help").out().contains(TOLD.toUpperCase(Locale.ROOT)));
    assertFalse(Files.exists(rebuilt.cache("client")));
    assertTrue(Files.exists(cacheBefore));
    assertTrue(launcher.run("--help").out().contains(TOLD.toUpperCase(Locale.ROOT)));
  }

  private static byte[] shout(byte[] type) {
    String text = new String(type, StandardCharsets.ISO_8859_1);
    return text.replace(TOLD, TOLD.toUpperCase(Locale.ROOT)).getBytes(StandardCharsets.ISO_8859_1);
  }

  // A Maven that needs no sources to make a jar of, and that leaves caches as they are.
  private static Map<String, String> environmentWithMaven(Path folder, Path jar)
      throws IOException {
    Path maven = folder.resolve("maven/bin/mvn");
    Files.createDirectories(maven.getParent());
    Files.writeString(maven, "#!/bin/sh\nexec cp -p '" + jar + "' target/runnel.jar\n");
    assertTrue(maven.toFile().setExecutable(true));
    Map<String, String> environment = new HashMap<>(checkout.launcher().environment());
    environment.remove("RUNNEL_BUILD");
    environment.put("MAVEN_HOME", folder.resolve("maven").toString());
    return environment;
  }

  @Test
  void mavenAloneTakesTheCachesAwayBeforeItMakesAJar(@TempDir Path folder) throws Exception {
    Tool.require("mvn", "DistributionTest.mavenAloneTakesTheCachesAwayBeforeItMakesAJar");
    Checkout built = Checkout.copyTo(folder.resolve("checkout"));
    built.pretendToBeTrained();
    ProcessBuilder maven = new ProcessBuilder("mvn", "-B", "-o", "-q", "initialize");
    maven.directory(built.folder().toFile());
    maven.environment().put("JAVA_HOME", System.getProperty("java.home"));
    Launcher.Ran ran = Launcher.run(maven);
    assertEquals(0, ran.exitCode(), ran.out());
    assertTrue(Files.exists(built.jar()));
    assertFalse(Files.exists(built.folder().resolve("target/runnel.jar.id")));
    assertFalse(Files.exists(built.folder().resolve("target/aot")));
  }

  @Test
  @Tag("long")
  void changedSourcesAreWhatRunsNext(@TempDir Path folder) throws Exception {
    Checkout changed = checkout.copy(folder.resolve("checkout"));
    changed.addSources();
    Path help = changed.folder().resolve("src/main/java/dev/runnel/cli/Help.java");
    Files.writeString(help, Files.readString(help).replace(TOLD, "as if by magic."));
    Map<String, String> environment = new HashMap<>(changed.launcher().environment());
    environment.remove("RUNNEL_BUILD");
    Launcher.Ran ran = changed.launcher().with(environment).run("--help");
    assertTrue(ran.out().contains("as if by magic."), ran.err());
    assertTrue(changed.launcher().run("--help").out().contains("as if by magic."));
  }

  @Tag("root")
  @Test
  void runsInARootOfABareDebian(@TempDir Path folder) throws Exception {
    String test = "DistributionTest.runsInARootOfABareDebian";
    Tool.require("debootstrap", test);
    Tool.requireRoot(test);
    Path root = folder.resolve("root");
    Launcher.Ran made =
        Launcher.run(
            new ProcessBuilder(
                "debootstrap", "--foreign", "--variant=minbase", "bookworm", root.toString()));
    assertEquals(0, made.exitCode(), made.out() + made.err());
    unpack(root.resolve("opt"));
    Files.writeString(root.resolve("tmp/script"), SCRIPT);
    Launcher.Ran ran =
        Launcher.run(
            new ProcessBuilder(
                "unshare",
                "--mount",
                "sh",
                "-c",
                "rm -rf \"$0/proc\" && mkdir \"$0/proc\" && mount -t proc proc \"$0/proc\""
                    + " && exec env -i PATH=/usr/bin:/bin \"$(command -v chroot)\" \"$0\" sh /tmp/script",
                root.toString()));
    // Its links lead out of the temporary folder.
    Launcher.run(new ProcessBuilder("rm", "-rf", root.toString()));
    assertEquals(new Launcher.Ran(0, "one\nexit 3\nover TCP\nexit 4\n", ""), ran);
  }

  @Tag("root")
  @Test
  void runsInAPodAsItsManifestsPromise() throws Exception {
    String test = "DistributionTest.runsInAPodAsItsManifestsPromise";
    Tool.requireRoot(test);
    for (String program : List.of("podman", "runc", "iptables", "kubectl", "debootstrap")) {
      Tool.require(program, test);
    }
    Launcher.Ran ran = Launcher.run(new ProcessBuilder("k8s/try", unpacked.toString()));
    assertEquals(0, ran.exitCode(), ran.out() + ran.err());
    assertTrue(ran.out().endsWith("all is as promised\n"), ran.out());
  }

  private static final String SCRIPT =
      """
      cd /opt/runnel-*
      ./runnel exec -- sh -c 'echo one; exit 3'
      echo "exit $?"
      mkfifo /tmp/said
      ./runneld --listen 127.0.0.1:0 --insecure --log-level warn >/tmp/said &
      read -r line </tmp/said
      ./runnel exec -H "${line#listening on }" -- sh -c 'echo over TCP; exit 4'
      echo "exit $?"
      kill $!
      wait $!
      """;

  /** A server; it ends when this is closed. */
  private record Served(Process process, String host) implements AutoCloseable {
    @Override
    public void close() {
      process.destroy();
      process.onExit().join();
    }
  }

  private static Served serve(Launcher launcher, String... options) throws IOException {
    List<String> words = new ArrayList<>(List.of("serve", "--insecure", "--listen", "127.0.0.1:0"));
    words.addAll(List.of("--state-dir", "none", "--log-level", "warn"));
    words.addAll(List.of(options));
    ProcessBuilder call = launcher.call(words.toArray(String[]::new));
    Process process = call.redirectError(ProcessBuilder.Redirect.INHERIT).start();
    String line = process.inputReader().readLine();
    return new Served(process, line.substring("listening on ".length()));
  }

  /** An {@code exec} whose command has said something and waits for the end of its stdin. */
  private record Waiting(Process process) implements AutoCloseable {
    static Waiting of(Launcher launcher, String... options) throws IOException {
      List<String> words = new ArrayList<>(List.of("exec"));
      words.addAll(List.of(options));
      words.addAll(List.of("--", "/bin/sh", "-c", "echo here; read line; exit 0"));
      Process process =
          launcher
              .call(words.toArray(String[]::new))
              .redirectError(ProcessBuilder.Redirect.INHERIT)
              .start();
      BufferedReader out = process.inputReader();
      assertEquals("here", out.readLine());
      return new Waiting(process);
    }

    @Override
    public void close() throws IOException {
      process.getOutputStream().close();
      process.onExit().join();
    }
  }

  private static String mapped(Process process) throws IOException {
    return Files.readString(Path.of("/proc/" + process.pid() + "/maps"));
  }

  private static List<String> arguments(Process process) throws IOException {
    String all = Files.readString(Path.of("/proc/" + process.pid() + "/cmdline"));
    return List.of(all.split("\0"));
  }
}
