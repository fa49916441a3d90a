package dev.runnel.cli;

import dev.runnel.copy.CopyLog;
import dev.runnel.copy.CopyResult;
import dev.runnel.copy.FileReceiver;
import dev.runnel.copy.FileSender;
import dev.runnel.copy.Globs;
import dev.runnel.model.Argument;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.SystemText;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * {@code runnel cp}: copies files between here and hosts. The end that is elsewhere is this verb,
 * too, as a command of the server's: so it has a user, a policy and an audit, and goes on after a
 * lost connection, as any command does.
 */
final class CpVerb {
  private static final int PROBLEMS = 1;
  private static final int STDIN_MODE = 0644;

  private static final Option RECURSIVE =
      Option.flag("--recursive", "folders, with all that is in them").or("-r");
  private static final Option ARCHIVE = Option.flag("--archive", "").or("-a");

  /** So it is done anyway. */
  private static final Option PRESERVE = Option.flag("--preserve", "").or("-p");

  private static final Option RUNNEL_PATH =
      Option.value(
          "--runnel-path", "CMD", "how runnel is called there (default: the server's own)");

  /** We are the end that is elsewhere. */
  private static final Option AGENT = Option.value("--agent", "send|receive", "");

  private static final Option INTO = Option.flag("--into", "");

  private static final List<Help.Section> SECTIONS =
      List.of(
          new Help.Section(
              "How", List.of(RECURSIVE, ARCHIVE, PRESERVE, RestrictionOptions.USER, RUNNEL_PATH)),
          ConnectionOptions.SECTION,
          new Help.Section("And", List.of(ExecOptions.LINGER, ExecOptions.QUIET, AGENT, INTO)));

  private static final String BEFORE =
      """
      Usage: runnel cp [OPTION…] SOURCE… TARGET

      Copies files between here and a host, or between two hosts. What is on a host is written
      [USER@]HOST[:PORT]:PATH, or :PATH with -H; what is here is a path, or - for stdin or stdout. A path
      there that is not absolute is relative to where a command would run; ~/ is the user's home.
      *, ? and […] in a SOURCE there are expanded there.

      Modes and times stay as they are, links stay links (but for a SOURCE itself, which is
      followed), and stretches of zeros take no room. Checksums are compared. A file has its name
      when all of it is there. A long file whose copy was cut goes on where it was, if the same is
      copied again. Owners, hard links and devices are not copied.
      """;
  private static final String AFTER =
      """
      TIME has a unit: 500ms, 30s, 5m, 2h.

      Exit code: 0 all was copied; 1 not all, and stderr says what was not; 255 wrong usage, no
      server, a lost connection.

      Examples:
        runnel cp build.tar prod-1:/tmp/
        runnel cp -r prod-1:/var/log/app ./
        runnel cp 'prod-1:/var/log/*.gz' logs/
        pg_dump shop | runnel cp - prod-1:/backup/shop.sql
      """;

  static final VerbDefinition DEFINITION =
      new VerbDefinition(
          BEFORE,
          SECTIONS,
          AFTER,
          VerbDefinition.Code.OF_COMMAND,
          (context, arguments) -> new CpVerb(context, arguments).run());

  private final CliContext context;
  private final Arguments arguments;

  /**
   * Where files are.
   *
   * @param host null: here; empty: the one of {@code -H}
   */
  record Place(@Nullable String host, @Nullable String user, Argument path) {
    static Place parse(Argument word) {
      // One character for each byte, so that places in both are the same.
      String text = new String(word.bytes(), StandardCharsets.ISO_8859_1);
      int colon = text.startsWith("[") ? text.indexOf("]:") + 1 : text.indexOf(':');
      int slash = text.indexOf('/');
      if (colon < 0 || (colon == 0 && !text.startsWith(":")) || (slash >= 0 && slash < colon)) {
        return new Place(null, null, word);
      }
      int end = colon + 1;
      while (end < text.length() && Character.isDigit(text.charAt(end))) {
        end++;
      }
      boolean hasPort = colon > 0 && end > colon + 1 && end < text.length();
      colon = hasPort && text.charAt(end) == ':' ? end : colon;
      String where = text.substring(0, colon);
      int at = where.lastIndexOf('@');
      byte[] path = Arrays.copyOfRange(word.bytes(), colon + 1, text.length());
      return new Place(
          where.substring(at + 1), at < 0 ? null : where.substring(0, at), Argument.of(path));
    }

    boolean isHere() {
      return host == null;
    }

    boolean isStream() {
      return host == null && path.toString().equals("-");
    }

    boolean isBesides(Place other) {
      return String.valueOf(host).equals(String.valueOf(other.host))
          && String.valueOf(user).equals(String.valueOf(other.user));
    }
  }

  private CpVerb(CliContext context, Arguments arguments) {
    this.context = context;
    this.arguments = arguments;
  }

  private int run() throws Failure, InterruptedException {
    String agent = arguments.value(AGENT);
    if (agent != null) {
      return agent(agent);
    }
    List<Place> places = new ArrayList<>();
    arguments.operands().forEach(word -> places.add(Place.parse(word)));
    if (places.size() < 2) {
      throw Failure.usage(places.isEmpty() ? "missing SOURCE" : "missing TARGET");
    }
    Place target = places.removeLast();
    Place source = places.getFirst();
    for (Place other : places) {
      if (!other.isBesides(source) || (places.size() > 1 && other.isStream())) {
        throw Failure.usage("SOURCE: " + other.path + " (expected: all of one host, or all here)");
      }
    }
    if (source.isHere() && target.isHere()) {
      throw Failure.usage(
          "neither SOURCE nor TARGET is on a host (expected: HOST:PATH, or :PATH with -H)");
    }
    boolean into = places.size() > 1 || target.path.toString().endsWith("/");
    if (source.isHere()) {
      return upload(places, target, into);
    }
    return target.isHere() ? download(places, target, into) : relay(places, target, into);
  }

  private int upload(List<Place> sources, Place target, boolean into)
      throws Failure, InterruptedException {
    CopyProgress progress = progress();
    List<Path> paths = new ArrayList<>();
    for (Place source : sources) {
      if (!source.isStream()) {
        paths.add(path(source.path));
      }
    }
    progress.expect(paths);
    try (CopyJob job = start(target, receiver(target, into))) {
      return outcome(
          job,
          progress,
          () -> {
            FileSender sender = new FileSender(job.in(), job.out(), folders(), progress);
            return paths.isEmpty()
                ? sender.send(Channels.newInputStream(context.in()), "stdin", STDIN_MODE)
                : sender.send(paths);
          });
    }
  }

  private int download(List<Place> sources, Place target, boolean into)
      throws Failure, InterruptedException {
    CopyProgress progress = progress();
    Path path = path(target.path);
    try (CopyJob job = start(sources.getFirst(), sender(sources))) {
      return outcome(
          job,
          progress,
          () -> {
            FileReceiver receiver =
                new FileReceiver(job.in(), job.out(), path, place(into), progress);
            return target.isStream()
                ? receiver.receive(new CopyJob.Output(context.out()))
                : receiver.receive();
          });
    }
  }

  private int relay(List<Place> sources, Place target, boolean into)
      throws Failure, InterruptedException {
    CopyProgress progress = progress();
    try (CopyJob from = start(sources.getFirst(), sender(sources));
        CopyJob to = start(target, receiver(target, into))) {
      Thread back = new Thread(() -> CopyJob.pass(to.in(), from.out(), _ -> {}), "answers");
      back.setDaemon(true);
      back.start();
      CopyJob.pass(from.in(), to.out(), progress::moved);
      int sent = from.await();
      int received = to.await();
      progress.end();
      hint(sent);
      hint(received);
      return sent != 0 ? sent : received;
    }
  }

  private interface LocalEnd {
    CopyResult copy() throws IOException;
  }

  private int outcome(CopyJob job, CopyProgress progress, LocalEnd local)
      throws Failure, InterruptedException {
    CopyResult result = null;
    String broken = null;
    try {
      result = local.copy();
    } catch (CopyJob.Output.LostException e) {
      throw e.failure();
    } catch (IOException e) {
      broken = Reasons.withFile(e);
    }
    job.finish();
    int code = job.await();
    progress.end();
    if (result != null) {
      boolean good = result.complete() && result.problems() == 0 && code == 0;
      return good ? 0 : code > PROBLEMS ? code : PROBLEMS;
    }
    hint(code);
    // The other end has said why it left, if it did.
    if (code == 0 || job.wasLeft()) {
      context.err().tryPrintLine("runnel cp", "the copy broke off: " + broken);
    }
    return code == 0 || job.wasLeft() ? PROBLEMS : code;
  }

  private void hint(int code) {
    if (code == ExecResult.NOT_FOUND) {
      context
          .err()
          .tryPrintLine(
              "runnel cp", "there is no runnel to be found there: --runnel-path says where it is");
    }
  }

  private CopyProgress progress() {
    return new CopyProgress(context.err(), arguments.has(ExecOptions.QUIET));
  }

  private FileSender.Folders folders() {
    return arguments.has(RECURSIVE) || arguments.has(ARCHIVE)
        ? FileSender.Folders.WITH_ALL_IN_THEM
        : FileSender.Folders.REFUSED;
  }

  private static FileReceiver.Place place(boolean into) {
    return into ? FileReceiver.Place.FOLDER : FileReceiver.Place.FOLDER_OR_NAME;
  }

  private List<Argument> sender(List<Place> sources) {
    List<Argument> words = agentWords("send");
    if (folders() == FileSender.Folders.WITH_ALL_IN_THEM) {
      words.add(argument(RECURSIVE.name()));
    }
    words.add(argument("--"));
    sources.forEach(source -> words.add(source.path));
    return words;
  }

  private List<Argument> receiver(Place target, boolean into) {
    List<Argument> words = agentWords("receive");
    if (into) {
      words.add(argument(INTO.name()));
    }
    words.add(argument("--"));
    words.add(target.path);
    return words;
  }

  private static List<Argument> agentWords(String end) {
    return new ArrayList<>(
        List.of(argument(Verb.CP.word()), argument(AGENT.name()), argument(end)));
  }

  private static Argument argument(String text) {
    return Argument.of(SystemText.bytes(text));
  }

  private CopyJob start(Place place, List<Argument> agent) throws Failure {
    List<byte[]> words = new ArrayList<>();
    words.add(SystemText.bytes(Verb.EXEC.word()));
    for (Option option : ConnectionOptions.SECTION.options()) {
      if (!option.equals(ConnectionOptions.HOST)) {
        pass(option, words);
      }
    }
    if (place.host() == null || place.host().isEmpty()) {
      pass(ConnectionOptions.HOST, words);
    } else {
      words.add(SystemText.bytes(ConnectionOptions.HOST.name() + "=" + place.host()));
    }
    if (place.user() == null) {
      pass(RestrictionOptions.USER, words);
    } else {
      words.add(SystemText.bytes(RestrictionOptions.USER.name() + "=" + place.user()));
    }
    pass(ExecOptions.LINGER, words);
    pass(ExecOptions.QUIET, words);
    String runnel = arguments.value(RUNNEL_PATH);
    String called = runnel == null ? "\"${" + CommandSpec.LAUNCHER + ":-runnel}\"" : runnel;
    for (String word :
        List.of(
            ExecOptions.STDIN.name(),
            ExecOptions.ENV.name() + "=" + CommandSpec.LAUNCHER + "=",
            "--",
            "/bin/sh",
            "-c",
            "exec " + called + " \"$@\"",
            "cp")) {
      words.add(SystemText.bytes(word));
    }
    agent.forEach(word -> words.add(word.bytes()));
    return CopyJob.start(context, CommandLine.ofBytes(words));
  }

  private void pass(Option option, List<byte[]> words) throws Failure {
    String value = option.takesValue() ? arguments.value(option) : null;
    if (arguments.has(option)) {
      words.add(SystemText.bytes(option.name() + (value == null ? "" : "=" + value)));
    }
  }

  private static Path path(Argument argument) throws Failure {
    try {
      String text = argument.toString();
      return Path.of(text.isEmpty() ? "." : text);
    } catch (InvalidPathException e) {
      throw Failure.usage("PATH: " + argument + " (" + e.getReason() + ")");
    }
  }

  private int agent(String end) throws Failure {
    List<Path> paths = new ArrayList<>();
    for (Argument operand : arguments.operands()) {
      Path path = path(operand);
      String home = context.env().get("HOME");
      boolean inHome = home != null && path.startsWith("~");
      paths.add(inHome ? Path.of(home).resolve(Path.of("~").relativize(path)) : path);
    }
    if (paths.isEmpty()) {
      throw Failure.usage("missing PATH");
    }
    try {
      CopyResult result = copy(end, paths);
      return result.complete() && result.problems() == 0 ? 0 : PROBLEMS;
    } catch (CopyJob.Output.LostException e) {
      throw e.failure();
    } catch (IOException e) {
      context.err().tryPrintLine("runnel cp", Reasons.withFile(e));
      return PROBLEMS;
    }
  }

  private CopyResult copy(String end, List<Path> paths) throws Failure, IOException {
    CopyLog log = line -> context.err().tryPrintLine("runnel cp", line);
    InputStream in = Channels.newInputStream(context.in());
    OutputStream out = new CopyJob.Output(context.out());
    if (end.equals("receive")) {
      FileReceiver.Place place = place(arguments.has(INTO));
      return new FileReceiver(in, out, paths.getFirst(), place, log).receive();
    }
    if (!end.equals("send")) {
      throw Failure.usage(AGENT.name() + ": " + end + " (expected: send or receive)");
    }
    List<Path> expanded = new ArrayList<>();
    for (Path path : paths) {
      expanded.addAll(Globs.expand(path));
    }
    return new FileSender(in, out, folders(), log).send(expanded);
  }
}
