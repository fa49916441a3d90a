package dev.runnel.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code runnel cp} to a real node and from it, with another JVM for the end that is there. */
@NullMarked
@Tag("slow")
@SuppressWarnings("NullAway.Init") // Set before each.
class CpTest extends NodeVerbs {
  private static final String RUNNEL =
      ProcessHandle.current().info().command().orElseThrow()
          + " -XX:TieredStopAtLevel=1 -cp target/classes:'target/lib/*' dev.runnel.Main";

  @TempDir private Path folder;
  private Path here;
  private Path there;

  @BeforeEach
  void make() throws IOException {
    here = Files.createDirectory(folder.resolve("here"));
    there = Files.createDirectory(folder.resolve("there"));
    Files.createDirectories(here.resolve("tree/sub dir"));
    Files.write(here.resolve("tree/big"), random());
    Files.writeString(here.resolve("tree/sub dir/größe.log"), "x");
    Files.writeString(here.resolve("tree/a.log"), "a");
    Files.createSymbolicLink(here.resolve("tree/link"), Path.of("a.log"));
  }

  private static byte[] random() {
    byte[] bytes = new byte[9_000_001];
    new Random(7).nextBytes(bytes);
    return bytes;
  }

  private static int cp(Client client, String... words) {
    List<String> all = new ArrayList<>(List.of("cp", "--runnel-path", RUNNEL));
    all.addAll(List.of(words));
    return run(client, all.toArray(String[]::new));
  }

  private static void assertSame(Path one, Path other) throws Exception {
    Process diff =
        new ProcessBuilder("diff", "-r", "--no-dereference", one.toString(), other.toString())
            .redirectErrorStream(true)
            .start();
    assertEquals(
        "",
        new String(diff.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8));
    assertEquals(0, diff.waitFor());
  }

  @Test
  void aTreeGoesThereAndToAnotherPlaceThereAndBack() throws Exception {
    Client up = new Client();
    assertEquals(0, cp(up, "-r", here + "/tree", ":" + there), up.err());
    assertSame(here.resolve("tree"), there.resolve("tree"));
    Client over = new Client();
    assertEquals(0, cp(over, "-r", ":" + there + "/tree", ":" + there + "/other"), over.err());
    assertSame(here.resolve("tree"), there.resolve("other"));
    Client down = new Client();
    assertEquals(0, cp(down, "-r", ":" + there + "/other/.", here + "/back"), down.err());
    assertSame(here.resolve("tree"), here.resolve("back"));
    assertEquals("", up.out() + up.err() + over.err() + down.err());
  }

  @Test
  void patternsAreExpandedThere() throws Exception {
    Client down = new Client();
    Path logs = Files.createDirectory(folder.resolve("logs"));
    assertEquals(0, cp(down, ":" + here + "/tree/*.log", logs + "/"), down.err());
    assertEquals("a", Files.readString(logs.resolve("a.log")));
    Client folderGiven = new Client();
    assertEquals(1, cp(folderGiven, ":" + here + "/tree/*", logs + "/"), folderGiven.err());
    assertTrue(
        folderGiven.err().contains("tree/sub dir: is a folder (-r copies it)"), folderGiven.err());
    assertTrue(Files.exists(logs.resolve("big")));
  }

  @Test
  void stdinAndStdoutAreFilesToo() throws Exception {
    Client in = new Client().stdin("from stdin\n");
    assertEquals(0, cp(in, "-", ":" + there + "/in"), in.err());
    assertEquals("from stdin\n", Files.readString(there.resolve("in")));
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    Client out = new Client().stdout(Channels.newChannel(bytes));
    assertEquals(0, cp(out, ":" + here + "/tree/big", "-"), out.err());
    assertArrayEquals(random(), bytes.toByteArray());
  }

  @Test
  void whatGoesWrongIsTold() {
    Client none = new Client();
    assertEquals(1, cp(none, ":" + here + "/nothing", folder.toString()));
    assertTrue(none.err().contains("nothing: no such file or folder"), none.err());
    Client no = new Client();
    assertEquals(1, cp(no, here + "/tree/a.log", ":" + there + "/none/"));
    assertTrue(no.err().contains(there + "/none: no such file or folder"), no.err());
    assertFalse(Files.exists(there.resolve("none")));
    Client agent = new Client();
    assertEquals(
        127, run(agent, "cp", "--runnel-path", "/nowhere/runnel", here + "/tree/a.log", ":/tmp"));
    assertTrue(agent.err().contains("there is no runnel to be found there"), agent.err());
    Client local = new Client();
    assertEquals(255, cp(local, "a", "b"));
    assertTrue(local.err().contains("neither SOURCE nor TARGET is on a host"), local.err());
  }

  @Test
  void wordsAreTakenApartAsScpDoes() {
    assertEquals("null null a", parsed("a"));
    assertEquals("null null ./a:b", parsed("./a:b"));
    assertEquals("prod-1 null /a:b", parsed("prod-1:/a:b"));
    assertEquals("prod-1 me x", parsed("me@prod-1:x"));
    assertEquals("[::1] null x", parsed("[::1]:x"));
    assertEquals("[::1]:70 null x:y", parsed("[::1]:70:x:y"));
    assertEquals("prod-1:70 null größe", parsed("prod-1:70:größe"));
    assertEquals("prod-1 null 70", parsed("prod-1:70"));
    assertEquals("prod-1 null 70/x:y", parsed("prod-1:70/x:y"));
    assertEquals(" null /x", parsed(":/x"));
  }

  private static String parsed(String word) {
    CpVerb.Place place = CpVerb.Place.parse(CommandLine.of(word).argument(0, 0));
    return place.host() + " " + place.user() + " " + place.path();
  }
}
