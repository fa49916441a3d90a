package dev.runnel;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.conditions.ArchConditions.be;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static java.util.stream.Collectors.toSet;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaPackage;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** What each room may use: rooms of ours and libraries that are not named here are closed to it. */
class RoomsTest {
  private static final String OURS = "dev.runnel";
  private static final String VERTX = "io.vertx.core..";
  private static final String LOGGING = "org.slf4j..";

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

  private static final List<Room> CLOSED =
      List.of(
          new Room("model", Set.of()),
          new Room("threads", Set.of()),
          new Room("tls", Set.of()),
          new Room("wire", Set.of("model"), "com.fasterxml.jackson.core.."),
          new Room(
              "wire.vertx",
              Set.of("model", "wire"),
              "io.vertx.core",
              "io.vertx.core.buffer",
              "io.vertx.core.parsetools"),
          new Room("process", Set.of("model", "threads")),
          new Room("files", Set.of()),
          new Room("spool", Set.of("model", "wire", "files", "threads"), LOGGING),
          new Room("job", Set.of("model", "process", "spool", "threads")),
          new Room("security", Set.of("model", "threads"), VERTX, LOGGING),
          new Room("commands", Set.of("model"), VERTX, LOGGING),
          new Room(
              "bus",
              Set.of("model", "wire", "job", "security", "commands", "threads"),
              VERTX,
              LOGGING),
          new Room(
              "worker",
              Set.of("model", "wire", "job", "security", "bus", "threads"),
              VERTX,
              LOGGING),
          new Room(
              "record", Set.of("model", "files", "job", "security", "bus", "threads"), LOGGING),
          new Room(
              "server",
              Set.of("model", "wire", "wire.vertx", "job", "security", "bus", "threads"),
              VERTX,
              LOGGING,
              "io.netty.buffer",
              "io.netty.channel..",
              "io.netty.handler.ssl",
              "io.netty.util.concurrent"),
          new Room("server.seed", Set.of("model", "job", "bus", "server"), VERTX, LOGGING),
          new Room(
              "client", Set.of("model", "wire", "wire.vertx", "commands", "files"), VERTX, LOGGING),
          new Room(
              "cluster",
              Set.of("model", "job", "bus", "commands", "client"),
              VERTX,
              LOGGING,
              "io.vertx.spi.cluster.hazelcast..",
              "com.hazelcast.."),
          new Room("ops", Set.of("model", "job"), VERTX, LOGGING, "io.micrometer.."),
          new Room("cli", Set.of("model", "wire", "tls", "files"), "sun.misc"));

  /** These put the others together. Main is in the innermost package itself. */
  private static final List<Room> OPEN =
      List.of(new Room("tools", Set.of()), new Room("config", Set.of()), new Room("", Set.of()));

  /** A package with those below it, unless they are a room themselves. */
  private record Room(String name, Set<String> rooms, DescribedPredicate<JavaClass> libraries) {
    Room(String name, Set<String> rooms, String... libraries) {
      this(name, rooms, OPEN_TO_ALL.or(resideInAnyPackage(libraries)));
    }

    static String nameFor(JavaClass type) {
      String path = type.getPackageName().equals(OURS) ? "" : type.getPackageName();
      return Stream.concat(CLOSED.stream(), OPEN.stream())
          .map(Room::name)
          .filter(name -> (path + ".").startsWith(name.isEmpty() ? "." : OURS + "." + name + "."))
          .max(Comparator.comparingInt(String::length))
          .orElse("no room");
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
      return name;
    }
  }

  @ParameterizedTest
  @FieldSource("CLOSED")
  void usesOnlyWhatIsNamed(Room room) {
    classes()
        .that(describe("live in " + room, type -> Room.nameFor(type).equals(room.name())))
        .should()
        .onlyDependOnClassesThat(
            describe("are open to " + room, type -> room.mayUse(type.getBaseComponentType())))
        .allowEmptyShould(true)
        .check(CLASSES);
  }

  @Test
  void everyClassLivesInARoom() {
    classes()
        .should(be(describe("in a room", type -> !Room.nameFor(type).equals("no room"))))
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

  /** The class that is a connection's socket, and what it puts into the channel or asks of it. */
  @Test
  void innardsOfVertxAndNettyAreKnownToTheSocketAndItsHelpersOnly() {
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
