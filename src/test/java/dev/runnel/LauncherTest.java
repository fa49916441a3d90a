package dev.runnel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code ./runnel} as somebody calls it who has just built it. */
@Tag("slow")
class LauncherTest {
  private final Launcher launcher = Launcher.ofCheckout(Path.of("").toAbsolutePath());

  @Test
  void tellsItsVersion() throws Exception {
    Launcher.Ran ran = launcher.run("--version");
    assertTrue(ran.out().matches("runnel \\S+, protocol 1, Java \\d+\n"), ran.out());
    assertEquals(new Launcher.Ran(0, ran.out(), ""), ran);
  }

  @Test
  void showsItsVerbsWhetherAskedOrNot() throws Exception {
    Launcher.Ran asked = launcher.run("--help");
    assertTrue(asked.out().startsWith("Usage: runnel VERB"), asked.out());
    assertEquals(new Launcher.Ran(0, asked.out(), ""), asked);
    assertEquals(new Launcher.Ran(2, asked.out(), ""), launcher.run());
  }

  @Test
  void explainsTheVerbsThatAreItsOwn() throws Exception {
    for (String verb : new String[] {"test", "package"}) {
      Launcher.Ran ran = launcher.run(verb, "--help");
      assertTrue(ran.out().startsWith("Usage: runnel " + verb), ran.out());
      assertEquals(0, ran.exitCode());
      assertEquals(2, launcher.run(verb, "--nonsense").exitCode());
    }
  }

  @Test
  void printsEachLineWhenItIsProducedAndExitsAsTheCommandDid() throws Exception {
    Process process =
        launcher.call("exec", "--", "sh", "-c", "echo one; read line; echo $line; exit 3").start();
    try (BufferedReader out = process.inputReader();
        Writer in = process.outputWriter()) {
      assertEquals("one", out.readLine());
      in.write("two\n");
      in.flush();
      assertEquals("two", out.readLine());
      assertEquals(3, process.waitFor());
    } finally {
      process.destroyForcibly();
    }
  }

  @Test
  void aClosedStdinIsAnEmptyOne() throws Exception {
    ProcessBuilder call = launcher.call("exec", "--", "cat");
    call.command().addAll(0, List.of("/bin/sh", "-c", "exec \"$@\" <&-", "sh"));
    assertEquals(new Launcher.Ran(0, "", ""), Launcher.run(call));
  }

  @Test
  void worksThroughALinkAndFromAnywhere(@TempDir Path folder) throws Exception {
    Path link = folder.resolve("runnel");
    Files.createSymbolicLink(link, Path.of("runnel").toAbsolutePath());
    Launcher.Ran ran =
        Launcher.run(Launcher.ofCheckout(folder).call("--version").directory(folder.toFile()));
    assertEquals(0, ran.exitCode(), ran.err());
    Files.delete(link);
  }

  @Test
  void saysNothingOfACacheThatIsNone(@TempDir Path folder) throws Exception {
    Checkout checkout = Checkout.copyTo(folder);
    checkout.pretendToBeTrained();
    for (String[] words : new String[][] {{"--version"}, {"exec", "-n", "--", "true"}}) {
      Launcher.Ran ran = checkout.launcher().run(words);
      assertEquals(0, ran.exitCode(), ran.err());
      assertEquals("", ran.err());
    }
  }
}
