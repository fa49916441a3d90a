package dev.runnel.daemon;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.runnel.security.identity.Tokens;
import dev.runnel.security.identity.Tokens.NewToken;
import dev.runnel.server.Authentication;
import dev.runnel.server.Until;
import dev.runnel.settings.ServeWords;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** When files are read again, and what one that is broken does to the others. */
@SuppressWarnings("NullAway.Init") // The folder is there before any test.
class FileWatchTest {
  @TempDir private Path folder;
  private final List<String> taken = new CopyOnWriteArrayList<>();

  private Path file(String name, String text) throws Exception {
    // At once: it looks so often that it would see what is half written twice.
    Path next = Files.writeString(folder.resolve(name + ".new"), text);
    return Files.move(next, folder.resolve(name), StandardCopyOption.ATOMIC_MOVE);
  }

  private void take(Path file) throws Exception {
    String text = Files.readString(file);
    if (text.equals("broken")) {
      throw new IllegalArgumentException("broken");
    }
    taken.add(text);
  }

  @Test
  void changeIsTakenUpOnceAndNothingElseIs() throws Exception {
    Path a = file("a", "1");
    try (FileWatch watch = new FileWatch(Duration.ofMillis(5))) {
      watch.add(FileWatch.stamp(List.of(a)), () -> take(a));
      watch.start();
      for (String text : List.of("2", "3", "broken", "4")) {
        file("a", text);
        String last = text.equals("broken") ? "3" : text;
        Until.holds(text, () -> !taken.isEmpty() && taken.getLast().equals(last));
      }
    }
    assertEquals(List.of("2", "3", "4"), taken);
  }

  @Test
  void changeAtTheEndOfALargeFileIsTakenUp() throws Exception {
    String start = "x".repeat(3 << 20);
    Path a = file("a", start + "1");
    try (FileWatch watch = new FileWatch(Duration.ofMillis(5))) {
      watch.add(FileWatch.stamp(List.of(a)), () -> take(a));
      watch.start();
      file("a", start + "2");
      Until.holds("the change", () -> !taken.isEmpty());
    }
    assertEquals(List.of(start + "2"), taken);
  }

  @Test
  void changeBetweenTheFirstReadAndTheWatchIsTakenUp() throws Exception {
    NewToken old = Tokens.create("alice");
    NewToken fresh = Tokens.create("alice");
    Path file = file("tokens", old.line());
    List<String> words =
        List.of("--listen", "127.0.0.1:0", "--tokens", file.toString(), "--state-dir", "none");
    Credentials credentials = Credentials.read(ServeWords.parse(words, Map.of()));
    file("tokens", fresh.line());
    Authentication.ByToken access =
        assertInstanceOf(Authentication.ByToken.class, credentials.access());
    try (FileWatch watch = new FileWatch(Duration.ofMillis(5))) {
      credentials.watch(watch);
      watch.start();
      Until.holds("the new token", () -> access.tokens().get().find(fresh.secret()) != null);
      assertNull(access.tokens().get().find(old.secret()));
    }
  }

  @Test
  void whoAsksHasEverythingTakenUpAtOnceWhateverIsBroken() throws Exception {
    Path a = file("a", "a");
    Path b = file("b", "broken");
    Path c = file("c", "c");
    try (FileWatch watch = new FileWatch(Duration.ofDays(1))) {
      for (Path one : List.of(a, b, c)) {
        watch.add(FileWatch.stamp(List.of(one)), () -> take(one));
      }
      watch.start();
      watch.lookNow();
      Until.holds("two of three", () -> taken.equals(List.of("a", "c")));
      file("b", "b");
      watch.lookNow();
      Until.holds("all", () -> taken.equals(List.of("a", "c", "a", "b", "c")));
    }
  }
}
