package dev.runnel;

import static java.util.stream.Collectors.toCollection;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.cli.Verb;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** README.md, the guide and the other pages name only what exists. */
class DocsTest {
  private static final Path README = Path.of("README.md");
  private static final Path GUIDE = Path.of("docs", "guide");
  private static final Path ARCHITECTURE = Path.of("docs", "architecture.md");
  private static final int MAX_README_LINES = 150;

  /** With its language, which a shell's has not. */
  private static final Pattern BLOCK = Pattern.compile("(?ms)^```(\\w*)\n(.*?)^```$");

  private static final Pattern INLINE = Pattern.compile("`([^`]+)`");
  private static final Pattern LINK = Pattern.compile("\\]\\(([^)\\s]+)\\)");
  private static final Pattern HEADING = Pattern.compile("(?m)^#+ (.*)$");
  private static final Pattern CLASS_NAME = Pattern.compile("[A-Z][A-Za-z]*[a-z][A-Za-z]*");

  /** A verb, and its words up to the command that it runs, a comment, or the shell's next one. */
  private static final Pattern CALL =
      Pattern.compile("(?<![\\w/-])(?:\\./)?runnel ([a-z]+)((?: +(?!--(?: |$)|[#|;&>])\\S+)*)");

  private static final Pattern OPTION = Pattern.compile("(?<![\\w-])--[a-z][a-z-]*");

  private static List<Path> pages(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.filter(file -> file.toString().endsWith(".md")).sorted().toList();
    }
  }

  private static String withoutBlocks(String text) {
    return BLOCK.matcher(text).replaceAll("");
  }

  private static List<String> shellLines(String text) {
    List<String> lines = new ArrayList<>();
    for (Matcher block = BLOCK.matcher(text); block.find(); ) {
      if (block.group(1).isEmpty()) {
        lines.addAll(block.group(2).replaceAll("\\\\\n *", "").lines().toList());
      }
    }
    for (Matcher inline = INLINE.matcher(withoutBlocks(text)); inline.find(); ) {
      lines.add(inline.group(1).replace('\n', ' '));
    }
    return lines;
  }

  private static Map<String, String> helps() throws Exception {
    Launcher launcher = Launcher.ofCheckout(Path.of("").toAbsolutePath());
    List<String> verbs = new ArrayList<>(List.of("train"));
    for (Verb verb : Verb.values()) {
      verbs.add(verb.word());
    }
    Map<String, String> helps = new TreeMap<>();
    for (String verb : verbs) {
      Launcher.Ran ran = launcher.run(verb, "--help");
      assertEquals(0, ran.exitCode(), verb + ran.err());
      helps.put(verb, ran.out());
    }
    return helps;
  }

  /** What of a call there is not. */
  private static List<String> unknown(Map<String, String> helps, String verb, String words) {
    List<String> unknown = new ArrayList<>();
    String help = helps.get(verb);
    if (help == null) {
      unknown.add(verb);
      return unknown;
    }
    for (Matcher option = OPTION.matcher(words); option.find(); ) {
      Pattern named = Pattern.compile(Pattern.quote(option.group()) + "(?![\\w-])");
      if (!named.matcher(help).find()) {
        unknown.add(verb + " " + option.group());
      }
    }
    return unknown;
  }

  @Test
  void readmeIsShort() throws Exception {
    long lines = Files.readString(README).lines().count();
    assertTrue(lines <= MAX_README_LINES, "lines: " + lines);
  }

  @Test
  void verbsAndOptionsExist() throws Exception {
    Map<String, String> helps = helps();
    List<Path> pages = new ArrayList<>(pages(GUIDE));
    pages.add(README);
    List<String> unknown = new ArrayList<>();
    int calls = 0;
    for (Path page : pages) {
      for (String line : shellLines(Files.readString(page))) {
        for (Matcher call = CALL.matcher(line); call.find(); ) {
          calls++;
          for (String what : unknown(helps, call.group(1), call.group(2))) {
            unknown.add(page + ": " + what);
          }
        }
      }
    }
    assertEquals(List.of(), unknown);
    assertTrue(calls > 80, "calls: " + calls);
  }

  private static Set<String> anchors(Path page) throws IOException {
    return HEADING
        .matcher(withoutBlocks(Files.readString(page)))
        .results()
        .map(heading -> heading.group(1).toLowerCase(Locale.ROOT))
        .map(heading -> heading.replaceAll("[^\\p{L}\\p{N} _-]", "").replace(' ', '-'))
        .collect(toCollection(TreeSet::new));
  }

  private static boolean isDead(Path page, String link) throws IOException {
    if (link.matches("[a-z]+:.*")) {
      return false;
    }
    int hash = link.indexOf('#');
    String file = hash < 0 ? link : link.substring(0, hash);
    Path target = file.isEmpty() ? page : page.resolveSibling(file);
    return !Files.exists(target)
        || (hash >= 0 && !anchors(target).contains(link.substring(hash + 1)));
  }

  @Test
  void linksLeadSomewhere() throws Exception {
    List<Path> pages = new ArrayList<>(pages(Path.of("docs")));
    for (String name : List.of("README", "PROTOCOL", "SECURITY", "CONTRIBUTING", "CHANGELOG")) {
      pages.add(Path.of(name + ".md"));
    }
    List<String> dead = new ArrayList<>();
    for (Path page : pages) {
      String text = withoutBlocks(Files.readString(page));
      for (Matcher link = LINK.matcher(text); link.find(); ) {
        if (isDead(page, link.group(1))) {
          dead.add(page + ": " + link.group(1));
        }
      }
    }
    assertEquals(List.of(), dead);
  }

  private static Set<String> classes() throws IOException {
    Set<String> names = new TreeSet<>();
    for (String root : List.of("src/main/java", "src/test/java")) {
      try (Stream<Path> files = Files.walk(Path.of(root))) {
        files
            .map(file -> String.valueOf(file.getFileName()))
            .filter(name -> name.endsWith(".java"))
            .forEach(name -> names.add(name.substring(0, name.length() - ".java".length())));
      }
    }
    return names;
  }

  @Test
  void architectureNamesFilesAndClassesThatExist() throws Exception {
    Set<String> classes = classes();
    List<String> missing = new ArrayList<>();
    int named = 0;
    String text = withoutBlocks(Files.readString(ARCHITECTURE));
    for (Matcher inline = INLINE.matcher(text); inline.find(); ) {
      String name = inline.group(1);
      boolean isPath = name.startsWith("src/");
      boolean isClass = CLASS_NAME.matcher(name).matches();
      if (isPath || isClass) {
        named++;
      }
      if ((isPath && !Files.exists(Path.of(name))) || (isClass && !classes.contains(name))) {
        missing.add(name);
      }
    }
    assertEquals(List.of(), missing);
    assertTrue(named > 20, "named: " + named);
  }
}
