package dev.runnel.cli;

import dev.runnel.model.Argument;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * {@code runnel ssh}: takes the command line of ssh(1), as people, git, rsync, scp, sftp and
 * ansible have it, and runs {@code exec} with what it means here. The words are joined to a line,
 * which the user's own shell over there runs; what it leaves behind lives on.
 */
final class SshVerb {
  private static final Option USER =
      Option.value("-l", "USER", "as whom (exec --user); USER@HOST as well");
  private static final Option PORT =
      Option.value("-p", "PORT", "Runnel's port there (default: 7866)");
  private static final Option IDENTITY =
      Option.value(
          "-i", "FILE", "a token (exec --token-file), or a certificate with its key as PEM");
  private static final Option TERMINAL =
      Option.flag("-t", "run it on a terminal, if our stdin is one; -tt: in any case");
  private static final Option NO_TERMINAL = Option.flag("-T", "not on a terminal");
  private static final Option NO_STDIN = Option.flag("-n", "do not send our stdin");
  private static final Option NO_COMMAND = Option.flag("-N", "run nothing, and stay");
  private static final Option SUBSYSTEM = Option.flag("-s", "the command is a subsystem: sftp");
  private static final Option ESCAPE =
      Option.value("-e", "CHAR|none", "what begins CHAR. (leave), on a terminal");
  private static final Option SETTING =
      Option.value("-o", "KEY=VALUE", "as ssh_config(5) has it; see below");
  private static final Option QUIET = Option.flag("-q", "no notes on stderr, only errors");
  private static final Option VERBOSE =
      Option.flag("-v", "say on stderr how the server is reached");
  private static final Option PRINT =
      Option.flag("-G", "print host, user and port, and run nothing");
  private static final Option VERSION = Option.flag("-V", "print the version");
  private static final Option CONTROL =
      Option.value("-O", "COMMAND", "ends with 255: no connection is shared");

  // What they are about is done otherwise here, or not at all, and a command runs as well without.
  private static final String FLAGS_WITHOUT_EFFECT = "246AaCgKkMXxYy";
  private static final String VALUES_WITHOUT_EFFECT = "BbcEFImPS";
  private static final List<Option> FORWARDING =
      List.of(
          hidden("-D", "ADDRESS"),
          hidden("-L", "ADDRESS"),
          hidden("-R", "ADDRESS"),
          hidden("-W", "ADDRESS"),
          hidden("-w", "TUNNEL"));

  private static final Option JUMP = hidden("-J", "HOST");
  private static final Option FORK = hidden("-f", null);

  private static Option hidden(String name, @Nullable String value) {
    return value == null ? Option.flag(name, "") : Option.value(name, value, "");
  }

  private static List<Option> options() {
    List<Option> all = new ArrayList<>();
    all.addAll(List.of(USER, PORT, IDENTITY, TERMINAL, NO_TERMINAL, NO_STDIN, NO_COMMAND));
    all.addAll(List.of(SUBSYSTEM, ESCAPE, SETTING, QUIET, VERBOSE, PRINT, VERSION, CONTROL));
    all.addAll(List.of(JUMP, FORK));
    FLAGS_WITHOUT_EFFECT.chars().forEach(letter -> all.add(hidden("-" + (char) letter, null)));
    VALUES_WITHOUT_EFFECT.chars().forEach(letter -> all.add(hidden("-" + (char) letter, "VALUE")));
    all.addAll(FORWARDING);
    return all;
  }

  static final VerbDefinition DEFINITION =
      new VerbDefinition(
          """
          Usage: runnel ssh [OPTION…] [USER@]HOST [OPTION…] [COMMAND…]

          What ssh is called with runs on a Runnel server, so that programs which start ssh can be
          told to start this. The words of COMMAND are joined by blanks to a line for USER's shell;
          without a command there is a shell, on a terminal if our stdin is one. Output and input go
          on after a lost connection. HOST may be a name of ~/.config/runnel/config.yaml, and
          RUNNEL_TOKEN_FILE, RUNNEL_CA and the like say how to reach it, as for exec.
          """,
          List.of(new Help.Section("Options", options())),
          """
          -2, -4, -6, -A, -a, -B, -b, -C, -c, -E, -F, -g, -I, -K, -k, -M, -m, -P, -S, -X, -x, -Y and
          -y are accepted, and of no effect. -D, -J, -L, -R, -W, -w and -f are refused: nothing is
          forwarded, and nothing goes to the background.

          Of -o these mean something: User, Port, HostName, IdentityFile, ConnectTimeout,
          ServerAliveInterval, RequestTTY, RemoteCommand, SendEnv, SetEnv, EscapeChar, StdinNull,
          SessionType, LogLevel. Forwarding, ProxyCommand and ProxyJump are refused; all else that
          ssh_config(5) has is of no effect.

          Exit code: as of exec; 255 for what is no command's.

          Examples:
            GIT_SSH_COMMAND='runnel ssh' git clone build-1:/srv/project.git
            rsync -a -e 'runnel ssh' ./ build-1:/srv/www/
            scp -S FILE big.iso build-1:     # FILE: a script with: exec runnel ssh "$@"
          """,
          VerbDefinition.Code.OF_COMMAND,
          VerbDefinition.Order.BEFORE_OPERANDS,
          (context, arguments) -> new SshVerb(context, arguments).run());

  /** A login shell's name where there is none, or one that only says no. */
  private static final String OWN_SHELL =
      "case ${SHELL-} in ''|*/nologin|*/false) SHELL=/bin/sh; esac; ";

  private static final String FIND_SFTP =
      "for s in /usr/lib/openssh /usr/libexec/openssh /usr/lib/ssh /usr/libexec /usr/local/libexec; do"
          + " [ ! -x $s/sftp-server ] || exec $s/sftp-server; done;"
          + " echo 'no sftp-server there: install openssh-sftp-server' >&2; exit 127";

  private static final String STAY = "while :; do sleep 3600; done";

  private final CliContext context;

  /** Options before the host, and those after it. */
  private final List<Arguments> given = new ArrayList<>();

  private final SshSettings settings = new SshSettings();
  private final ByteArrayOutputStream line = new ByteArrayOutputStream();
  private final List<byte[]> words = new ArrayList<>();
  private @Nullable String user;

  private SshVerb(CliContext context, Arguments arguments) {
    this.context = context;
    given.add(arguments);
  }

  private int run() throws Failure, IOException, InterruptedException {
    if (has(VERSION)) {
      context.err().tryPrintLine("runnel ssh (takes OpenSSH's command line)");
      return 0;
    }
    List<Argument> command = readAfterHost();
    refuseWhatThereIsNot();
    String host = host();
    if (has(PRINT)) {
      context.out().print((user == null ? "" : "user " + user + "\n") + "hostname " + host + "\n");
      return 0;
    }
    if (has(CONTROL)) {
      throw Failure.of("no connection is shared here: -O " + given(CONTROL));
    }
    translate(host, command);
    return ExecVerb.DEFINITION.run(context, CommandLine.ofBytes(words));
  }

  // ssh looks for options once more behind the host, unless -- has ended them.
  private List<Argument> readAfterHost() throws Failure {
    Arguments before = given.getFirst();
    List<Argument> operands = before.operands();
    if (operands.isEmpty()) {
      return operands;
    }
    List<Argument> rest = operands.subList(1, operands.size());
    if (!before.isTerminated()) {
      List<byte[]> again = new ArrayList<>(List.of(new byte[0]));
      rest.forEach(word -> again.add(word.bytes()));
      Arguments after = new Arguments(DEFINITION.options(), CommandLine.ofBytes(again));
      after.read();
      given.add(after);
      rest = after.operands();
    }
    for (Arguments arguments : given) {
      for (String setting : arguments.values(SETTING)) {
        settings.take(setting);
      }
    }
    return rest;
  }

  private boolean has(Option option) {
    return given.stream().anyMatch(arguments -> arguments.has(option));
  }

  private int count(Option option) {
    return given.stream().mapToInt(arguments -> arguments.count(option)).sum();
  }

  /** The first value that was given, as ssh takes it; null: none was. */
  private @Nullable String given(Option option) throws Failure {
    for (Arguments arguments : given) {
      List<String> values = arguments.values(option);
      if (!values.isEmpty()) {
        return values.getFirst();
      }
    }
    return null;
  }

  private @Nullable String given(Option option, String setting) throws Failure {
    String value = given(option);
    return value == null ? settings.first(setting) : value;
  }

  private void refuseWhatThereIsNot() throws Failure {
    for (Option option : FORWARDING) {
      if (has(option)) {
        throw Failure.of(option.name() + ": nothing is forwarded here");
      }
    }
    String jump = given(JUMP, "proxyjump");
    if (jump != null && !jump.equals("none")) {
      throw Failure.of("no way over another host: " + jump);
    }
    if (has(FORK)) {
      throw Failure.of("-f: does not go to the background (runnel run starts what is to stay)");
    }
    settings.refuseWhatThereIsNot();
  }

  private String host() throws Failure {
    List<Argument> operands = given.getFirst().operands();
    if (operands.isEmpty()) {
      throw Failure.usage("missing HOST");
    }
    SshDestination destination = SshDestination.parse(operands.getFirst().toString());
    String asked = given(USER, "user");
    user = asked == null ? destination.user() : asked;
    String name = settings.first("hostname");
    String port = given(PORT, "port");
    return SshDestination.hostAndPort(
        name == null ? destination.host() : name, port == null ? destination.port() : port);
  }

  private void translate(String host, List<Argument> command) throws Failure, IOException {
    word("exec");
    option(ConnectionOptions.HOST, host);
    if (user != null) {
      option(RestrictionOptions.USER, user);
    }
    identify();
    option(ExecOptions.LEFTOVERS, "keep");
    time(ConnectionOptions.CONNECT_TIMEOUT, "connecttimeout");
    time(ExecOptions.HEARTBEAT, "serveraliveinterval");
    if (has(QUIET) || settings.is("loglevel", "quiet")) {
      word(ExecOptions.QUIET.name());
    }
    if (has(VERBOSE)) {
      word(ConnectionOptions.VERBOSE.name());
    }
    List<Argument> asked = command.isEmpty() ? settings.remoteCommand() : command;
    boolean onTerminal = terminal(asked.isEmpty());
    stdin(onTerminal);
    settings.exports(context.env()).forEach(this::append);
    append(OWN_SHELL);
    append(line(asked));
    word(ExecOptions.SHELL.name());
    words.add(line.toByteArray());
  }

  private void identify() throws Failure, IOException {
    String file = given(IDENTITY, "identityfile");
    if (file == null || file.equals("none")) {
      return;
    }
    String text = Files.readString(Path.of(file), StandardCharsets.ISO_8859_1);
    if (text.contains("-----BEGIN CERTIFICATE")) {
      option(ConnectionOptions.CERT, file);
      option(ConnectionOptions.KEY, file);
    } else if (text.contains("-----BEGIN ") || text.startsWith("ssh-")) {
      throw Failure.usage(
          "-i: " + file + " is a key (expected: a token, or a certificate with its key)");
    } else {
      option(ConnectionOptions.TOKEN_FILE, file);
    }
  }

  // ssh has seconds without a unit.
  private void time(Option option, String setting) {
    String value = settings.first(setting);
    if (value != null && !value.equals("0") && !value.equals("none")) {
      option(option, Character.isDigit(value.charAt(value.length() - 1)) ? value + "s" : value);
    }
  }

  private boolean terminal(boolean isShell) {
    boolean hasOne = context.input() == CliContext.Input.TERMINAL;
    int asked = count(TERMINAL);
    if (has(NO_TERMINAL) || settings.is("requesttty", "no") || has(SUBSYSTEM)) {
      return false;
    }
    if (asked > 1 || settings.is("requesttty", "force")) {
      word(ExecOptions.FORCE_PTY.name());
      return true;
    }
    boolean byRule = isShell && !has(NO_COMMAND) && hasOne;
    if (asked == 1 || settings.is("requesttty", "yes") || byRule) {
      word(ExecOptions.PTY.name());
      return hasOne;
    }
    return false;
  }

  private void stdin(boolean onTerminal) throws Failure {
    boolean none = has(NO_STDIN) || has(NO_COMMAND) || settings.is("stdinnull", "yes");
    if (none) {
      word(ExecOptions.NO_STDIN.name());
    } else if (!onTerminal) {
      word(ExecOptions.STDIN.name());
    }
    String escape = given(ESCAPE, "escapechar");
    if (escape != null) {
      option(ExecOptions.ESCAPE, escape);
    }
  }

  private byte[] line(List<Argument> command) throws Failure {
    if (has(NO_COMMAND) || settings.is("sessiontype", "none")) {
      return STAY.getBytes(StandardCharsets.UTF_8);
    }
    if (has(SUBSYSTEM) || settings.is("sessiontype", "subsystem")) {
      String name = command.isEmpty() ? "" : command.getFirst().toString();
      if (!name.equals("sftp")) {
        throw Failure.of("subsystem: " + name + " (there is: sftp)");
      }
      return FIND_SFTP.getBytes(StandardCharsets.UTF_8);
    }
    ByteArrayOutputStream shell = new ByteArrayOutputStream();
    if (command.isEmpty()) {
      shell.writeBytes("exec \"$SHELL\" -l".getBytes(StandardCharsets.UTF_8));
      return shell.toByteArray();
    }
    ByteArrayOutputStream joined = new ByteArrayOutputStream();
    for (int i = 0; i < command.size(); i++) {
      if (i > 0) {
        joined.write(' ');
      }
      joined.writeBytes(command.get(i).bytes());
    }
    shell.writeBytes("exec \"$SHELL\" -c ".getBytes(StandardCharsets.UTF_8));
    shell.writeBytes(SshSettings.quoted(joined.toByteArray()));
    return shell.toByteArray();
  }

  private void append(String text) {
    append(text.getBytes(StandardCharsets.UTF_8));
  }

  private void append(byte[] bytes) {
    line.writeBytes(bytes);
  }

  private void option(Option option, String value) {
    word(option.name() + "=" + value);
  }

  private void word(String text) {
    words.add(text.getBytes(StandardCharsets.UTF_8));
  }
}
