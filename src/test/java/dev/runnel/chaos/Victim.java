package dev.runnel.chaos;

import dev.runnel.security.identity.Tokens;
import dev.runnel.security.identity.Tokens.NewToken;
import dev.runnel.tls.TestCa;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The daemon that is tried: a copy of what is built, started by the launcher with all that it has,
 * as any user. Lives of it follow each other in the same folders. Any thread.
 */
final class Victim implements AutoCloseable {
  /** So many jobs at once; what is over, is busy. */
  static final int MAX_JOBS = 96;

  static final int MAX_PRINCIPAL_JOBS = 40;
  static final int MAX_PRINCIPAL_CONNECTIONS = 30;
  private static final long PATIENCE_SECONDS = 90;
  private static final List<String> TOKENS = List.of("alpha", "beta", "gamma", "others");

  private static final String POLICY =
      """
      rules:
        - name: others
          principals: [others]
          commands: [["**"]]
          shell: true
          users: ["*"]
          cwd: [/]
          record: all
        - name: everything
          principals: ["*"]
          commands: [["**"]]
          shell: true
          cwd: [/]
          env: ["*"]
          env_from: {CHAOS_SECRET: %s}
          leftovers: keep
          observe: all
          control: all
          record: all
      """;

  private final Path folder;
  private final Disk disk;
  private final List<String> prefix;
  private final Groups groups;
  private final List<String> secrets = new ArrayList<>();
  private volatile @Nullable Life life;
  private int lives;

  /** From a start to an end. */
  record Life(Process process, int tlsPort, int seedPort, int number) {
    long pid() {
      return process.pid();
    }
  }

  /** The control groups it is in, as far as there are any. */
  record Groups(@Nullable Path processes, @Nullable Path memory) {}

  /**
   * @param uid whose the daemon is to be; null: of whoever runs this
   */
  Victim(Path folder, Disk disk, @Nullable Integer uid, Groups groups)
      throws IOException, GeneralSecurityException, InterruptedException {
    this.folder = folder;
    this.disk = disk;
    this.groups = groups;
    this.prefix =
        uid == null
            ? List.of()
            : List.of("setpriv", "--reuid=" + uid, "--regid=" + uid, "--clear-groups", "--");
    copyApplication();
    StringBuilder tokens = new StringBuilder();
    for (String name : TOKENS) {
      NewToken token = Tokens.create(name);
      tokens.append(token.line()).append('\n');
      secrets.add(token.secret());
    }
    Files.writeString(folder.resolve("tokens"), tokens);
    Path secret = Files.writeString(folder.resolve("secret"), "s3cret");
    Files.writeString(folder.resolve("policy.yaml"), POLICY.formatted(secret));
    new TestCa("ca").issue("dns:localhost").write(folder, "server");
    Files.createDirectory(folder.resolve("home"));
    Files.createDirectory(work());
    Oddities.write(work());
    if (uid != null) {
      Disk.run("chown", "-R", uid + ":" + uid, folder.toString());
      makeRootsProgram(uid);
    }
  }

  // As sudo is one: only this user may run it, and only for as long as the test lasts.
  private void makeRootsProgram(int uid) throws IOException, InterruptedException {
    Path python = Path.of("/usr/bin/python3");
    if (Files.exists(python)) {
      Files.copy(python.toRealPath(), rootsProgram());
      Disk.run("chown", "root:" + uid, rootsProgram().toString());
      Disk.run("chmod", "4750", rootsProgram().toString());
    }
  }

  private void copyApplication() throws IOException {
    Path checkout = Path.of("").toAbsolutePath();
    Path application = folder.resolve("app");
    for (String part : List.of("runnel", "target/runnel.jar", "target/lib")) {
      try (Stream<Path> files = Files.walk(checkout.resolve(part), FileVisitOption.FOLLOW_LINKS)) {
        for (Path file : files.toList()) {
          Path target = application.resolve(checkout.relativize(file).toString());
          Files.createDirectories(target.resolve(".."));
          if (Files.isDirectory(file)) {
            Files.createDirectories(target);
          } else {
            Files.copy(file, target, StandardCopyOption.COPY_ATTRIBUTES);
          }
        }
      }
    }
    try (Stream<Path> all = Files.walk(application)) {
      for (Path path : all.toList()) {
        Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwxr-xr-x"));
      }
    }
  }

  Path folder() {
    return folder;
  }

  /** Where commands may write. */
  Path work() {
    return folder.resolve("work");
  }

  Path odd() {
    return work().resolve("odd.py");
  }

  /** A program that runs as root, whoever starts it; there may be none. */
  Path rootsProgram() {
    return folder.resolve("python");
  }

  Path socket() {
    return folder.resolve("s");
  }

  Path state() {
    return disk.folder().resolve("state");
  }

  Path audit() {
    return disk.folder().resolve("audit");
  }

  Path log() {
    return folder.resolve("log");
  }

  Disk disk() {
    return disk;
  }

  Groups groups() {
    return groups;
  }

  /** One of its tokens. */
  String secret(int number) {
    return secrets.get(number);
  }

  /** How many of them may run what they like; the next one has to be somebody else. */
  static int principals() {
    return TOKENS.size() - 1;
  }

  /** The life it has now; throws between two of them. */
  Life life() {
    Life now = life;
    if (now == null) {
      throw new IllegalStateException("it has not been started");
    }
    return now;
  }

  /** Starts it, and waits until it listens. */
  Life start() throws IOException {
    List<String> command = new ArrayList<>(List.of("sh", "-c", enter() + "exec \"$0\" \"$@\""));
    command.addAll(prefix);
    command.add(folder.resolve("app/runnel").toString());
    command.addAll(arguments());
    ProcessBuilder builder = new ProcessBuilder(command).directory(folder.toFile());
    Map<String, String> environment = builder.environment();
    environment.clear();
    environment.put("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    environment.put("HOME", folder.resolve("home").toString());
    environment.put("JAVA_HOME", System.getProperty("java.home"));
    environment.put("RUNNEL_BUILD", "never");
    environment.put("RUNNEL_JAVA_OPTS", "-Xmx64m -XX:MaxDirectMemorySize=32m");
    Process process = builder.start();
    int number = ++lives;
    copy(process.errorReader(StandardCharsets.UTF_8), number);
    BufferedReader out = process.inputReader(StandardCharsets.UTF_8);
    List<Integer> ports = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      String line = out.readLine();
      if (line == null) {
        throw new IOException("it did not start; its log: " + Files.readString(log()));
      }
      ports.add(i == 0 ? 0 : Integer.parseInt(line.substring(line.lastIndexOf(':') + 1)));
    }
    copy(out, number);
    Life begun = new Life(process, ports.get(1), ports.get(2), number);
    life = begun;
    return begun;
  }

  private List<String> arguments() {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "serve",
                "--dumpable",
                "--listen",
                "unix:" + socket(),
                "--listen",
                "127.0.0.1:0",
                "--seed-listen",
                "127.0.0.1:0",
                "--insecure",
                "--tokens",
                "" + folder.resolve("tokens"),
                "--policy",
                "" + folder.resolve("policy.yaml"),
                "--audit",
                "" + audit(),
                "--record-dir",
                "" + disk.folder().resolve("recordings"),
                "--record",
                "all",
                "--state-dir",
                "" + state(),
                "--tls-cert",
                "" + folder.resolve("server.crt"),
                "--tls-key",
                "" + folder.resolve("server.key"),
                "--watchdog",
                "on",
                "--shutdown-grace",
                "2s"));
    for (String limit :
        List.of(
            "max_jobs=" + MAX_JOBS,
            "max_principal_jobs=" + MAX_PRINCIPAL_JOBS,
            "max_principal_connections=" + MAX_PRINCIPAL_CONNECTIONS,
            "max_principal_retain=" + (64 << 20),
            "max_principal_starts_per_minute=1000000",
            "max_ended=20000",
            "max_spool_bytes=" + (12 << 20),
            "max_recording_bytes=" + (1 << 16),
            "max_recordings_bytes=" + (2 << 20),
            "hello_ms=60000",
            "max_penalty_ms=0")) {
      arguments.addAll(List.of("--limit", limit));
    }
    return arguments;
  }

  private String enter() {
    StringBuilder enter = new StringBuilder();
    for (Path group : new @Nullable Path[] {groups.processes, groups.memory}) {
      if (group != null) {
        enter.append("echo $$ >'").append(group).append("/cgroup.procs' && ");
      }
    }
    return enter.toString();
  }

  // Not a file of its own: a bound of the size of its files would have it log nothing.
  private void copy(BufferedReader lines, int number) {
    Thread.ofPlatform()
        .daemon()
        .name("log")
        .start(
            () -> {
              try (lines) {
                for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                  log(number + " " + line + "\n");
                }
              } catch (IOException _) {
                // It is gone.
              }
            });
  }

  private synchronized void log(String line) throws IOException {
    Files.writeString(log(), line, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
  }

  /** Has it write down what each of its threads does. */
  void dumpThreads() throws InterruptedException {
    Sys.kill(life().pid(), Sys.QUIT);
    Thread.sleep(1_000);
  }

  /** Ends it by TERM, and returns its exit code and how long that took. */
  Ended terminate() throws InterruptedException {
    Process process = life().process();
    long begin = System.nanoTime();
    process.destroy();
    boolean ended = process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS);
    if (!ended) {
      process.destroyForcibly().waitFor();
    }
    return new Ended(ended ? process.exitValue() : -1, (System.nanoTime() - begin) / 1_000_000);
  }

  /** How a life ended; -1: it did not, and was killed. */
  record Ended(int exitCode, long millis) {}

  /** What the daemon logged as its own mistakes. */
  List<String> errors() throws IOException {
    if (!Files.exists(log())) {
      return List.of();
    }
    try (Stream<String> lines = Files.lines(log())) {
      return lines
          .filter(line -> line.contains(" ERROR ") || line.contains("SEVERE"))
          .map(line -> line.replaceAll("[0-9]+", "N"))
          .distinct()
          .toList();
    }
  }

  @Override
  public void close() throws IOException {
    Life now = life;
    if (now != null && now.process().isAlive()) {
      Sys.kill(now.pid(), Sys.CONT);
      now.process().destroyForcibly().onExit().join();
    }
  }
}
