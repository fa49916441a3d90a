package dev.runnel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What goes into an archive to be read there, without the checkout that it was made of. */
class PackedTextsTest {
  /** Of Markdown; what stands in a code block is none. */
  private static final Pattern LINK = Pattern.compile("\\]\\(([^)\\s]+)\\)");

  @TempDir Path folder = Path.of("");

  private void pack() throws Exception {
    Launcher.Ran ran =
        Launcher.run(
            new ProcessBuilder(
                "sh",
                "-c",
                ". src/main/sh/package.sh; home=$PWD; copy_texts \"$1\"",
                "sh",
                folder.toString()));
    assertEquals(0, ran.exitCode(), ran.err());
  }

  @Test
  void linkToNothingThatIsNotThere() throws Exception {
    pack();
    List<String> dead = new ArrayList<>();
    List<Path> pages;
    try (Stream<Path> files = Files.walk(folder)) {
      pages = files.filter(file -> file.toString().endsWith(".md")).toList();
    }
    assertTrue(pages.size() > 20, pages.toString());
    for (Path page : pages) {
      String text = Files.readString(page).replaceAll("(?s)```.*?```", "");
      for (Matcher link = LINK.matcher(text); link.find(); ) {
        String target = link.group(1).replaceAll("#.*", "");
        boolean elsewhere = target.isEmpty() || target.matches("[a-z]+:.*");
        if (!elsewhere && !Files.exists(page.resolveSibling(target))) {
          dead.add(folder.relativize(page) + ": " + target);
        }
      }
    }
    assertEquals(List.of(), dead);
  }

  /** What the guide tells to do in a shell. */
  @Test
  void haveTheFilesThatCommandsOfTheGuideName() throws Exception {
    pack();
    for (String file :
        List.of(
            "Dockerfile", "k8s/base/kustomization.yaml", "k8s/try", "docs/guide/kubernetes.md")) {
      assertTrue(Files.exists(folder.resolve(file)), file);
    }
    assertTrue(Files.isExecutable(folder.resolve("k8s/try")));
    assertTrue(Files.isExecutable(folder.resolve("runnel")));
  }
}
