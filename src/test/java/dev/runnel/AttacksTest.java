package dev.runnel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectMethod;

import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.Timeout;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.launcher.listeners.SummaryGeneratingListener;
import org.junit.platform.launcher.listeners.TestExecutionSummary;

/** SECURITY.md names a test for every attack that it lists, and there is that test. */
class AttacksTest {
  private static final Pattern NAMED = Pattern.compile("`(\\w+Test)#(\\w+)` \\|$");

  /** For how long each attack goes on. */
  private static final Duration LONG =
      Duration.ofMinutes(
          Long.parseLong(System.getenv().getOrDefault("RUNNEL_ATTACK_MINUTES", "10")));

  /** What a release has to withstand: each of them, over and over. */
  @TestFactory
  @Tag("long")
  @Timeout(value = 12, unit = TimeUnit.HOURS)
  Stream<DynamicTest> eachGoesOnForMinutes() throws Exception {
    return rows().stream()
        .map(NAMED::matcher)
        .filter(Matcher::find)
        .map(
            named ->
                DynamicTest.dynamicTest(
                    named.group(1) + "#" + named.group(2),
                    () -> goesOn(named.group(1), named.group(2))));
  }

  private static void goesOn(String type, String method) throws Exception {
    Path file = file(type, method);
    assertTrue(file != null, type);
    String name = Path.of("src/test/java").relativize(file).toString().replace(".java", "");
    Class<?> tests = Class.forName(name.replace('/', '.'));
    Method found =
        Stream.of(tests.getDeclaredMethods())
            .filter(each -> each.getName().equals(method))
            .findFirst()
            .orElseThrow();
    LauncherDiscoveryRequest attack =
        LauncherDiscoveryRequestBuilder.request().selectors(selectMethod(tests, found)).build();
    long begun = System.nanoTime();
    do {
      SummaryGeneratingListener told = new SummaryGeneratingListener();
      LauncherFactory.create().execute(attack, told);
      TestExecutionSummary summary = told.getSummary();
      assertEquals(List.of(), summary.getFailures().stream().map(f -> f.getException()).toList());
      assertTrue(summary.getTestsFoundCount() > 0, "no such test");
      long leftOut = summary.getTestsAbortedCount();
      assertEquals(summary.getTestsFoundCount(), summary.getTestsSucceededCount() + leftOut);
      // A test that lacks root or a tool has said so; where CI runs it has failed.
      assumeTrue(leftOut == 0, "left out");
    } while (System.nanoTime() - begun < LONG.toNanos());
  }

  @Test
  void eachIsTriedByATestThatThereIs() throws Exception {
    List<String> rows = rows();
    assertTrue(rows.size() > 20, rows::toString);
    List<String> missing = new ArrayList<>();
    for (String row : rows) {
      var named = NAMED.matcher(row);
      if (!named.find() || file(named.group(1), named.group(2)) == null) {
        missing.add(row);
      }
    }
    assertEquals(List.of(), missing);
  }

  private static List<String> rows() throws IOException {
    String text = Files.readString(Path.of("SECURITY.md"));
    int begin = text.indexOf("## Attacks");
    return text.substring(begin, text.indexOf("\n## ", begin + 1))
        .lines()
        .filter(line -> line.startsWith("| ") && !line.startsWith("| attack"))
        .toList();
  }

  private static @Nullable Path file(String type, String method) throws IOException {
    try (Stream<Path> all = Files.walk(Path.of("src/test/java"))) {
      for (Path file : all.filter(path -> path.endsWith(type + ".java")).toList()) {
        if (Files.readString(file).contains("  void " + method + "(")) {
          return file;
        }
      }
    }
    return null;
  }
}
