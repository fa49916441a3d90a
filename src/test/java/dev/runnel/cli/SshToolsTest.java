package dev.runnel.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.ClientProcess;
import dev.runnel.CuttingProxy;
import dev.runnel.CuttingProxy.Manner;
import dev.runnel.Daemon;
import dev.runnel.Tool;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Programs that start ssh, with {@code runnel ssh} in its place, and a real server. */
@NullMarked
@Tag("slow")
@Tag("either")
class SshToolsTest {
  private static final long PATIENCE_SECONDS = 60;
  private static final String LOOPBACK = "127.0.0.1";

  @TempDir static Path shared = Path.of("");
  @TempDir Path folder = Path.of("");
  private static Daemon daemon;
  private static Path ssh = Path.of("");

  /**
   * How a program ended, and what it said.
   *
   * @param bytes a character for each
   */
  private record Ended(int code, String bytes, String err) {
    String out() {
      return new String(bytes.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
    }
  }

  @BeforeAll
  static void start() throws IOException {
    daemon = Daemon.start("--listen", "127.0.0.1:0", "--insecure");
    ssh = program("ssh", daemon.port());
  }

  @AfterAll
  static void end() throws IOException {
    daemon.close();
  }

  /** A script that is to be ssh, and goes to that port. */
  private static Path program(String name, int port) throws IOException {
    StringBuilder script = new StringBuilder("#!/bin/sh\nexec");
    for (String word : ClientProcess.command("ssh", "-p", "" + port)) {
      script.append(" '").append(word).append('\'');
    }
    Path file = Files.writeString(shared.resolve(name), script.append(" \"$@\"\n"));
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    return file;
  }

  private Ended run(String... words) throws Exception {
    return run(Path.of("/dev/null"), words);
  }

  private Ended run(Path stdin, String... words) throws Exception {
    Path out = folder.resolve("out");
    Path err = folder.resolve("err");
    ProcessBuilder builder =
        new ProcessBuilder(words)
            .redirectInput(stdin.toFile())
            .redirectOutput(out.toFile())
            .redirectError(err.toFile());
    builder.environment().keySet().removeIf(name -> name.startsWith("RUNNEL_"));
    builder.environment().put("GIT_SSH_COMMAND", ssh.toString());
    builder.environment().put("GIT_CONFIG_NOSYSTEM", "1");
    builder.environment().put("HOME", folder.toString());
    builder.environment().put("SENT", "with 'quotes' and $dollars");
    Process process = builder.start();
    assertTrue(process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS), String.join(" ", words));
    return new Ended(
        process.exitValue(),
        Files.readString(out, StandardCharsets.ISO_8859_1),
        Files.readString(err));
  }

  private String succeed(String... words) throws Exception {
    Ended ended = run(words);
    assertEquals(0, ended.code, () -> String.join(" ", words) + ": " + ended.err);
    return ended.out();
  }

  @Test
  void wordsAreJoinedForTheUsersShell() throws Exception {
    Ended ended = run(ssh + "", LOOPBACK, "echo", "a   b;", "echo 'c   d' >&2; exit 7");
    assertEquals("a b\n", ended.out());
    assertEquals("c   d\n", ended.err);
    assertEquals(7, ended.code);
  }

  @Test
  void optionsMayStandBehindTheHost() throws Exception {
    assertEquals("x", succeed(ssh + "", "-q", LOOPBACK, "-T", "--", "echo", "-n", "x"));
    assertEquals("x", succeed(ssh + "", LOOPBACK, "-T", "echo", "-n", "x"));
    assertEquals("-q\n", succeed(ssh + "", "--", LOOPBACK, "echo", "-q"));
    assertEquals(
        "x\n", succeed(ssh + "", "-xaC4o", "BatchMode=yes", LOOPBACK, "-tt", "-T", "echo x"));
  }

  @Test
  void variablesAreSentInTheLine() throws Exception {
    String[] words = {
      ssh + "", "-oSendEnv=SEN?", "-o", "SetEnv A=1 B=\"2 3\"", LOOPBACK, "echo \"$SENT|$A|$B\""
    };
    assertEquals("with 'quotes' and $dollars|1|2 3\n", succeed(words));
  }

  @Test
  void whatCannotBeIsRefusedWithOursCode() throws Exception {
    for (String[] words :
        new String[][] {
          {"-oNoSuchKey=yes", LOOPBACK, "true"},
          {"-L", "1:a:2", LOOPBACK, "true"},
          {"-J", "other", LOOPBACK, "true"},
          {"-o", "ProxyCommand=nc a 1", LOOPBACK, "true"},
          {"-f", LOOPBACK, "true"},
          {"-O", "check", LOOPBACK},
          {"-s", LOOPBACK, "netconf"},
          {"-i", "/none", LOOPBACK, "true"},
          {"--no-such", LOOPBACK},
          {}
        }) {
      List<String> all = new ArrayList<>(List.of(ssh + ""));
      all.addAll(Arrays.asList(words));
      Ended ended = run(all.toArray(String[]::new));
      assertEquals(255, ended.code, () -> all + ": " + ended.err);
      assertEquals(1, ended.err.lines().count(), ended.err);
    }
  }

  @Test
  void whatTheCommandLeavesLivesOn() throws Exception {
    String pid = succeed(ssh + "", LOOPBACK, "setsid sleep 1000 >/dev/null 2>&1 & echo $!").strip();
    ProcessHandle left = ProcessHandle.of(Long.parseLong(pid)).orElseThrow();
    assertTrue(left.isAlive());
    left.destroyForcibly();
  }

  @Test
  void gitClonesPushesAndFetches() throws Exception {
    Tool.require("git", "SshToolsTest.gitClonesPushesAndFetches");
    Path origin = folder.resolve("origin.git");
    Path work = folder.resolve("work");
    String[] me = {"git", "-c", "user.name=n", "-c", "user.email=e@x", "-C", work.toString()};
    succeed("git", "init", "-q", "--bare", "-b", "main", origin.toString());
    succeed("git", "clone", "-q", "ssh://" + LOOPBACK + origin, work.toString());
    Files.writeString(work.resolve("file"), "text");
    succeed("git", "-C", work + "", "add", "file");
    succeed(with(me, "commit", "-q", "-m", "one"));
    succeed(with(me, "push", "-q", "origin", "HEAD:main"));
    Path other = folder.resolve("other");
    succeed("git", "clone", "-q", LOOPBACK + ":" + origin, other.toString());
    assertEquals("text", Files.readString(other.resolve("file")));
    Files.writeString(work.resolve("file"), "more");
    succeed(with(me, "commit", "-q", "-a", "-m", "two"));
    succeed(with(me, "push", "-q", "origin", "HEAD:main"));
    succeed("git", "-C", other + "", "pull", "-q", "--ff-only");
    assertEquals("more", Files.readString(other.resolve("file")));
    // Its probe for what it may ask of this ssh.
    Ended probe = run(ssh + "", "-G", "-p", "7", "me@" + LOOPBACK);
    assertEquals(0, probe.code);
    assertTrue(run("git", "ls-remote", LOOPBACK + ":/none").err.contains("not appear to be a git"));
  }

  private static String[] with(String[] before, String... more) {
    List<String> all = new ArrayList<>(Arrays.asList(before));
    all.addAll(Arrays.asList(more));
    return all.toArray(String[]::new);
  }

  @Test
  void rsyncCopiesATreeBothWaysAndFindsItEqualThen() throws Exception {
    Tool.require("rsync", "SshToolsTest.rsyncCopiesATreeBothWaysAndFindsItEqualThen");
    Path tree = tree();
    String there = folder.resolve("there") + "/";
    String[] push = {"rsync", "-a", "-i", "-e", ssh + "", tree + "/", LOOPBACK + ":" + there};
    assertFalse(succeed(push).isEmpty());
    assertEquals("", succeed(push));
    String back = folder.resolve("back") + "/";
    succeed("rsync", "-a", "-z", "-e", ssh + "", LOOPBACK + ":" + there, back);
    succeed("diff", "-r", "--no-dereference", tree.toString(), back);
  }

  @Test
  void rsyncGoesOnAfterCuts() throws Exception {
    Tool.require("rsync", "SshToolsTest.rsyncGoesOnAfterCuts");
    Path tree = tree();
    byte[] large = new byte[6 << 20];
    new Random(1).nextBytes(large);
    Files.write(tree.resolve("large"), large);
    List<Manner> cuts = List.of(Manner.RESET, Manner.CLOSE, Manner.RESET);
    try (CuttingProxy proxy = new CuttingProxy(daemon.port(), 5, cuts, 1 << 20)) {
      Path cut = program("cut-ssh", proxy.port());
      String there = folder.resolve("there") + "/";
      succeed("rsync", "-a", "-e", cut + "", tree + "/", LOOPBACK + ":" + there);
      succeed("diff", "-r", "--no-dereference", tree.toString(), there);
    }
  }

  /** Files with odd names, a link, and some bytes of every value. */
  private Path tree() throws IOException {
    Path tree = Files.createDirectories(folder.resolve("tree"));
    for (int i = 0; i < 300; i++) {
      Path sub = Files.createDirectories(tree.resolve("d" + i % 7));
      Files.writeString(sub.resolve("file with blanks " + i + " ü"), "content " + i);
    }
    byte[] all = new byte[256];
    for (int i = 0; i < all.length; i++) {
      all[i] = (byte) i;
    }
    Files.write(tree.resolve("bytes"), all);
    Files.createSymbolicLink(tree.resolve("link"), Path.of("nowhere/at all"));
    return tree;
  }

  @Test
  void scpAndSftpCopyFiles() throws Exception {
    Tool.require("scp", "SshToolsTest.scpAndSftpCopyFiles");
    Path sent = tree().resolve("bytes");
    for (String mode : List.of("-s", "-O")) {
      Path there = folder.resolve("there" + mode);
      succeed("scp", "-q", mode, "-S", ssh + "", sent + "", LOOPBACK + ":" + there);
      Path back = folder.resolve("back" + mode);
      succeed("scp", "-q", mode, "-S", ssh + "", LOOPBACK + ":" + there, back + "");
      assertArrayEquals(Files.readAllBytes(sent), Files.readAllBytes(back));
    }
    Path got = folder.resolve("got");
    Path batch = Files.writeString(folder.resolve("batch"), "get " + sent + " " + got + "\n");
    succeed("sftp", "-q", "-S", ssh + "", "-b", batch + "", LOOPBACK);
    assertArrayEquals(Files.readAllBytes(sent), Files.readAllBytes(got));
  }

  @Test
  void stdinIsSentWholeAndBinary() throws Exception {
    byte[] bytes = new byte[3_000_000];
    new Random(2).nextBytes(bytes);
    Path file = Files.write(folder.resolve("in"), bytes);
    String sent = new String(bytes, StandardCharsets.ISO_8859_1);
    assertEquals(sent, run(file, ssh + "", LOOPBACK, "cat").bytes);
    assertEquals("", run(file, ssh + "", "-n", LOOPBACK, "cat").out());
    // Without a command the shell reads it.
    Path script = Files.writeString(folder.resolve("script"), "echo in a shell\nexit 3\n");
    Ended ended = run(script, ssh + "", LOOPBACK);
    assertEquals("in a shell\n", ended.out());
    assertEquals(3, ended.code);
  }
}
