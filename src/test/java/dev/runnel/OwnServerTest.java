package dev.runnel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A user's daemon and clients find each other without an address, whatever their environment is.
 * The user is who runs the test; where that is root, it is also one that has no name.
 */
@Tag("also-root")
@Tag("slow")
class OwnServerTest {
  private static final String UNNAMED = "54321";
  private static final String ANOTHER = "54322";

  /** What a user does in a day; prints what came of it. */
  private static final String DAY =
      """
      umask "$1"; cd "$2" || exit
      runnel=$3/runnel
      "$runnel" serve >said 2>log &
      daemon=$!
      until [ -s said ] || ! kill -0 $daemon 2>/dev/null; do sleep 0.05; done
      cat said
      grep -oE '(WARN|ERROR) [^=]*=|runnel serve:.*' log
      "$runnel" ping >/dev/null && echo pong
      "$runnel" exec -- sh -c 'echo "by $PPID, umask $(umask), user $(id -u)"' |
        sed "s/by $daemon,/by it,/"
      job=$("$runnel" run -- echo kept) && "$runnel" logs -f "$job"
      socket=$(sed 's/.*unix://' said)
      stat -c '%n %a %u' "${socket%/*}" "$socket"
      find . -name jobs -printf '%P %m\\n'
      [ -z "$4" ] ||
        setpriv --reuid="$4" --regid="$4" --clear-groups "$runnel" ping -H "unix:$socket"
      kill $daemon; wait $daemon; echo "end $?"
      [ ! -e "$socket" ] || echo "still there: $socket"
      """;

  private static Path shared = Path.of("");

  private enum User {
    CALLER,
    UNNAMED_ONE;

    String uid() throws IOException {
      return this == UNNAMED_ONE ? UNNAMED : "" + Files.getAttribute(shared, "unix:uid");
    }

    boolean isRoot() throws IOException {
      return uid().equals("0");
    }

    List<String> become() {
      return this == CALLER
          ? List.of()
          : List.of("setpriv", "--reuid=" + UNNAMED, "--regid=" + UNNAMED, "--clear-groups");
    }

    /** Where the daemon listens if the environment names no place. */
    String usualPlace() throws IOException {
      return isRoot() ? "/run/runnel" : "/tmp/runnel-" + uid();
    }
  }

  /**
   * In the variables, the place and the state, {@code OWN} is a folder of the user's.
   *
   * @param place where the daemon listens; empty: where it does if no variable says
   * @param state what there is of a state folder in the user's own
   */
  private record Case(String umask, String variables, String place, String state) {}

  private static final List<Case> CASES =
      List.of(
          new Case("022", "XDG_STATE_HOME=OWN/state", "", "state/runnel/jobs 700\n"),
          new Case("077", "XDG_RUNTIME_DIR=OWN/run HOME=OWN", "OWN/run", "AT HOME"),
          new Case("002", "XDG_RUNTIME_DIR=OWN/made HOME=OWN", "OWN/made", "AT HOME"),
          new Case("077", "XDG_RUNTIME_DIR= HOME=OWN XDG_STATE_HOME=here", "", "AT HOME"),
          new Case("002", "XDG_RUNTIME_DIR=here HOME=OWN", "", "AT HOME"),
          new Case("022", "XDG_RUNTIME_DIR=ANOTHERS HOME=ANOTHERS", "", "NO SPOOL"),
          new Case("022", "XDG_RUNTIME_DIR=/dev/null/none HOME=/dev/null", "", "NO SPOOL"),
          new Case(
              "022",
              "XDG_RUNTIME_DIR=OWN/run HOME= XDG_STATE_HOME=OWN",
              "OWN/run",
              "runnel/jobs 700\n"));

  /** Those in which a user without a name may differ from one that has a home. */
  private static final List<Case> NAMELESS = List.of(CASES.get(0), CASES.get(3), CASES.get(6));

  static Stream<Object[]> everyUserInEveryCase() {
    Stream<Object[]> ours = CASES.stream().map(it -> new Object[] {User.CALLER, it});
    Stream<Object[]> unnamed =
        CASES.stream()
            .filter(it -> Tool.isRoot() && NAMELESS.contains(it))
            .map(it -> new Object[] {User.UNNAMED_ONE, it});
    return Stream.concat(ours, unnamed);
  }

  @BeforeAll
  static void copyWhatIsBuiltToWhereEverybodyMayRead() throws Exception {
    shared = Files.createTempDirectory("runnel-own");
    Files.setPosixFilePermissions(shared, PosixFilePermissions.fromString("rwxr-xr-x"));
    Checkout.copyTo(shared.resolve("runnel"));
  }

  @AfterAll
  static void remove() throws Exception {
    Launcher.run(new ProcessBuilder("rm", "-rf", shared.toString(), "/tmp/runnel-" + UNNAMED));
  }

  private static Path folderOf(String uid, String permissions) throws Exception {
    Path folder = Files.createTempDirectory(shared, "of-" + uid + "-");
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString(permissions));
    return folder;
  }

  private static void give(Path folder, String uid) throws Exception {
    if (Tool.isRoot()) {
      assertEquals(0, Launcher.run(new ProcessBuilder("chown", "-R", uid, "" + folder)).exitCode());
    }
  }

  @ParameterizedTest
  @MethodSource("everyUserInEveryCase")
  void isFoundByItsUserAndByNobodyElse(User user, Case it) throws Exception {
    Tool.require("setpriv", "OwnServerTest");
    Tool.require("unshare", "OwnServerTest");
    Path own = folderOf(user.uid(), "rwxr-xr-x");
    Files.createDirectory(own.resolve("run"));
    give(own, user.uid());
    Path anothers = folderOf(ANOTHER, user.isRoot() ? "rwxrwxrwx" : "---------");
    give(anothers, ANOTHER);

    String another = user.isRoot() ? ANOTHER : "";
    ProcessBuilder builder = script(user, DAY, it.umask(), "" + own, launcher(), another);
    for (String variable : it.variables().split(" ", -1)) {
      String[] parts = variable.split("=", 2);
      builder
          .environment()
          .put(parts[0], parts[1].replace("ANOTHERS", "" + anothers).replace("OWN", "" + own));
    }
    Launcher.Ran ran = Launcher.run(builder);
    assertEquals(expected(user, it, own), ran.out(), ran.err());
    assertTrue(!user.isRoot() || ran.err().contains("cannot reach unix:"), ran.err());
  }

  private static String launcher() {
    return shared.resolve("runnel").toString();
  }

  /** As root where no daemon is that is meant to be found. */
  private static ProcessBuilder script(User user, String script, String... words)
      throws IOException {
    List<String> command = new ArrayList<>();
    if (Tool.isRoot()) {
      command.addAll(List.of("unshare", "--mount", "sh", "-c"));
      command.add(
          "mount -t tmpfs -o mode=755 tmpfs /run && mount -t tmpfs tmpfs /var/lib && mkdir -m 755 /run/user"
              + " && install -d -m 700 -o \"$0\" /run/user/\"$0\" && exec \"$@\"");
      command.add(user.uid());
    }
    command.addAll(user.become());
    command.addAll(List.of("sh", "-c", script, "script"));
    command.addAll(List.of(words));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().clear();
    builder.environment().put("PATH", System.getenv("PATH"));
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    builder.environment().put("RUNNEL_BUILD", "never");
    return builder;
  }

  /** What an earlier daemon left where a session looks first is in nobody's way. */
  private static final String TWO_ENVIRONMENTS =
      """
      runnel=$1/runnel; export RUNNEL_STATE_DIR=none; cd "$2" || exit
      serve() {
        rm -f said; "$@" "$runnel" serve >said 2>>log & daemon=$!
        until [ -s said ] || ! kill -0 $daemon 2>/dev/null; do sleep 0.05; done
        cat said
      }
      session="env XDG_RUNTIME_DIR=/run/user/$(id -u)"
      serve $session
      kill -9 $daemon
      serve env
      $session "$runnel" ping >/dev/null && echo "a session finds it"
      kill $daemon; wait $daemon
      serve $session
      "$runnel" ping >/dev/null && echo "a job finds it"
      kill $daemon; wait $daemon; echo "end $?"
      """;

  @Tag("root")
  @ParameterizedTest
  @EnumSource
  void aSessionFindsTheDaemonOfAJobAndTheOtherWayRound(User user) throws Exception {
    Tool.requireRoot("OwnServerTest.aSessionFindsTheDaemonOfAJobAndTheOtherWayRound");
    Path own = folderOf(user.uid(), "rwxr-xr-x");
    give(own, user.uid());
    Launcher.Ran ran = Launcher.run(script(user, TWO_ENVIRONMENTS, launcher(), "" + own));
    String ofSession = "listening on unix:/run/user/" + user.uid() + "/runnel/runneld.sock\n";
    assertEquals(
        ofSession
            + "listening on unix:"
            + user.usualPlace()
            + "/runneld.sock\na session finds it\n"
            + ofSession
            + "a job finds it\nend 0\n",
        ran.out(),
        ran.err());
  }

  private static String expected(User user, Case it, Path own) throws IOException {
    String place =
        it.place().isEmpty()
            ? user.usualPlace()
            : it.place().replace("OWN", own.toString()) + "/runnel";
    String state = user.isRoot() ? "" : ".local/state/runnel/jobs 700\n";
    return String.join(
        "",
        "listening on unix:" + place + "/runneld.sock\n",
        it.state().equals("NO SPOOL") && !user.isRoot()
            ? "WARN StateDirectory - no spool folder=\n"
            : "",
        "pong\n",
        "by it, umask 0022, user " + user.uid() + "\n",
        "kept\n",
        place + " 700 " + user.uid() + "\n",
        place + "/runneld.sock 600 " + user.uid() + "\n",
        switch (it.state()) {
          case "AT HOME" -> state;
          case "NO SPOOL" -> "";
          default -> it.state();
        },
        "end 0\n");
  }
}
