package dev.runnel;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static java.util.stream.Collectors.toSet;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaPackage;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/**
 * What each room may use: its {@code package-info.java} says so, and what is not named there is
 * closed to it.
 */
class RoomsTest {
  private static final String OURS = "dev.runnel";

  private static final DescribedPredicate<JavaClass> OPEN_TO_ALL =
      resideInAnyPackage(
          "java..",
          "javax.crypto..",
          "javax.net..",
          "javax.security..",
          "jdk.net",
          "org.jspecify.annotations");

  private static final DescribedPredicate<JavaClass> INNARDS =
      resideInAnyPackage("io.netty..", "io.vertx..internal..", "io.vertx..impl..");

  private static final DescribedPredicate<JavaClass> JDK_INNARDS_BUT_SIGNALS =
      resideInAnyPackage("sun..", "com.sun..", "jdk.internal..")
          .and(
              not(
                  describe(
                      "sun.misc.Signal", type -> type.getName().startsWith("sun.misc.Signal"))));

  static final JavaClasses CLASSES =
      new ClassFileImporter().withImportOption(new DoNotIncludeTests()).importPackages(OURS);

  /** The word before the rooms that one imports, and the one before libraries. */
  private static final Pattern IMPORTS =
      Pattern.compile("<p>Imports (.*?); of libraries (.*?)\\. *(?=<p>|$)");

  private static final Pattern NAME = Pattern.compile("\\{@code ([\\w.]+)}");

  static final List<Room> ROOMS = rooms();

  /**
   * A package, without those below it: each has a page of its own that says what it may import, so
   * that what is inside another room is closed to all whose page does not name it.
   */
  private record Room(String name, Set<String> rooms, DescribedPredicate<JavaClass> libraries) {
    static String nameFor(JavaClass type) {
      String path = type.getPackageName();
      return path.equals(OURS) ? "" : path.substring(OURS.length() + 1);
    }

    boolean mayUse(JavaClass type) {
      if (!type.getPackageName().startsWith(OURS)) {
        return type.isPrimitive() || libraries.test(type);
      }
      String other = nameFor(type);
      return other.equals(name) || rooms.contains(other);
    }

    @Override
    public String toString() {
      return name.isEmpty() ? OURS : name;
    }
  }

  private static List<Room> rooms() {
    Path root = Path.of("src/main/java", OURS.split("\\."));
    try (Stream<Path> files = Files.walk(root)) {
      List<Room> rooms = new ArrayList<>();
      for (Path file : files.filter(path -> path.endsWith("package-info.java")).toList()) {
        String name = root.relativize(file.getParent()).toString().replace('/', '.');
        rooms.add(read(name, Files.readString(file)));
      }
      return rooms;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Room read(String name, String page) {
    String text = page.substring(0, page.indexOf("*/")).replaceAll("\\s*\\n \\* ?", " ").strip();
    Matcher imports = IMPORTS.matcher(text);
    assertTrue(imports.find(), () -> name + ": does not say what it imports: " + text);
    return new Room(
        name,
        Set.copyOf(names(imports.group(1))),
        OPEN_TO_ALL.or(resideInAnyPackage(names(imports.group(2)).toArray(String[]::new))));
  }

  private static List<String> names(String words) {
    return NAME.matcher(words).results().map(found -> found.group(1)).toList();
  }

  @Test
  void roomsNameOnlyRoomsThatThereAreAndThatTheyUse() {
    Set<String> known = ROOMS.stream().map(Room::name).collect(toSet());
    List<String> idle = new ArrayList<>();
    for (Room room : ROOMS) {
      Set<String> used =
          CLASSES.stream()
              .filter(type -> Room.nameFor(type).equals(room.name()))
              .flatMap(type -> type.getDirectDependenciesFromSelf().stream())
              .map(each -> each.getTargetClass().getBaseComponentType())
              .filter(type -> type.getPackageName().startsWith(OURS))
              .map(Room::nameFor)
              .collect(toSet());
      room.rooms().stream()
          .filter(named -> !known.contains(named) || !used.contains(named))
          .forEach(named -> idle.add(room + ": " + named));
    }
    assertEquals(List.of(), idle);
  }

  @Test
  void noRoomsNeedEachOther() {
    slices().matching(OURS + ".(**)").should().beFreeOfCycles().check(CLASSES);
  }

  @ParameterizedTest
  @FieldSource("ROOMS")
  void usesOnlyWhatIsNamed(Room room) {
    classes()
        .that(describe("live in " + room, type -> Room.nameFor(type).equals(room.name())))
        .should()
        .onlyDependOnClassesThat(
            describe("are open to " + room, type -> room.mayUse(type.getBaseComponentType())))
        .check(CLASSES);
  }

  @Test
  void commandLineNeverLoadsVertx() {
    noClasses()
        .that()
        .resideInAPackage(OURS + ".cli..")
        .should()
        .transitivelyDependOnClassesThat(resideInAnyPackage("io.vertx..", "io.netty.."))
        .allowEmptyShould(true)
        .check(CLASSES);
  }

  /**
   * The class that is a connection's socket, and what it puts into the channel or asks of it; and
   * the client's, which tells event loops apart.
   */
  @Test
  void innardsOfVertxAndNettyAreKnownToTheSocketsAndTheirHelpersOnly() {
    Set<String> users =
        CLASSES.stream()
            .filter(
                type ->
                    type.getDirectDependenciesFromSelf().stream()
                        .anyMatch(used -> INNARDS.test(used.getTargetClass())))
            .map(type -> type.getName().replaceFirst("\\$.*", ""))
            .collect(toSet());
    assertEquals(
        Set.of(
            OURS + ".client.LoopContext",
            OURS + ".http.HttpTls",
            OURS + ".server.FrameSocket",
            OURS + ".server.TlsRecordGuard",
            OURS + ".server.KernelSendQueue"),
        users);
  }

  @Test
  void nothingOfTheJdkIsUsedThatItKeepsToItselfButSignals() {
    noClasses().should().dependOnClassesThat(JDK_INNARDS_BUT_SIGNALS).check(CLASSES);
  }

  @Test
  void everyPackageSaysWhatItIsAndThatNothingIsNullUnlessMarked() {
    Set<String> unmarked =
        CLASSES.stream()
            .map(JavaClass::getPackage)
            .filter(RoomsTest::isUnmarked)
            .map(JavaPackage::getName)
            .collect(toSet());
    assertEquals(Set.of(), unmarked, "packages without package-info.java with @NullMarked");
  }

  private static boolean isUnmarked(JavaPackage room) {
    return room.tryGetPackageInfo()
        .filter(info -> info.isAnnotatedWith(NullMarked.class))
        .isEmpty();
  }
}
