package dev.runnel.model;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What to run, and in what surroundings. PROTOCOL.md, "Requests".
 *
 * @param argv never empty; a shell line has become {@code /bin/sh -c LINE} already
 * @param cwd absolute; null: where the daemon stands
 * @param env laid over the daemon's environment; a null value removes the name
 * @param stderr whether stderr has a pipe of its own or shares stdout's
 * @param stdin whether stdin is a pipe (or the terminal) or /dev/null
 * @param terminal its controlling terminal, in place of pipes; stderr is merged then; null: none
 * @param user whom it runs as: a name or a number; null: the daemon's own
 * @param secrets laid over the environment, too
 */
public record CommandSpec(
    List<Argument> argv,
    @Nullable String cwd,
    Map<String, @Nullable String> env,
    Stderr stderr,
    Stdin stdin,
    @Nullable Terminal terminal,
    ResourceLimits limits,
    @Nullable String user,
    Secrets secrets) {
  /** A variable that becomes the path of the server's own program, where it is given empty. */
  public static final String LAUNCHER = "RUNNEL_LAUNCHER";

  private static final int MAX_DISPLAY = 256;

  /** Where what the command writes to descriptor 2 goes. */
  public enum Stderr {
    SEPARATE,
    MERGED
  }

  /** What the command reads from descriptor 0. */
  public enum Stdin {
    NULL,
    PIPE
  }

  public CommandSpec {
    argv = List.copyOf(argv);
    if (argv.isEmpty()) {
      throw new IllegalArgumentException("argv: empty");
    }
    env = Collections.unmodifiableMap(new LinkedHashMap<>(env));
    if (terminal != null) {
      stderr = Stderr.MERGED;
    }
  }

  /** Without a terminal, as the daemon's user and within the daemon's limits. */
  public CommandSpec(
      List<Argument> argv,
      @Nullable String cwd,
      Map<String, @Nullable String> env,
      Stderr stderr,
      Stdin stdin) {
    this(argv, cwd, env, stderr, stdin, null, ResourceLimits.NONE, null, Secrets.NONE);
  }

  /** A command without a shell, with nothing but its arguments. */
  public static CommandSpec of(String... argv) {
    return of(java.util.stream.Stream.of(argv).map(Argument::of).toList());
  }

  /** The same with arguments that need not be text. */
  public static CommandSpec of(List<Argument> argv) {
    return new CommandSpec(argv, null, Map.of(), Stderr.SEPARATE, Stdin.NULL);
  }

  /** A shell line. */
  public static CommandSpec shell(String line) {
    return of(shellArgv(Argument.of(line)));
  }

  /** The arguments of a shell that runs that line, its bytes as sent. */
  public static List<Argument> shellArgv(Argument line) {
    return List.of(Argument.of("/bin/sh"), Argument.of("-c"), line);
  }

  /** Another command in the same surroundings. */
  public CommandSpec withArgv(List<Argument> other) {
    return new CommandSpec(other, cwd, env, stderr, stdin, terminal, limits, user, secrets);
  }

  /** The same in another folder. */
  public CommandSpec withCwd(String other) {
    return new CommandSpec(argv, other, env, stderr, stdin, terminal, limits, user, secrets);
  }

  /** The same with one more variable. */
  public CommandSpec withEnv(String name, String value) {
    Map<String, @Nullable String> more = new LinkedHashMap<>(env);
    more.put(name, value);
    return withEnv(more);
  }

  /** The same with these variables instead, of which null removes one. */
  public CommandSpec withEnv(Map<String, @Nullable String> other) {
    return new CommandSpec(argv, cwd, other, stderr, stdin, terminal, limits, user, secrets);
  }

  /** The same with these secrets. */
  public CommandSpec withSecrets(Secrets other) {
    return new CommandSpec(argv, cwd, env, stderr, stdin, terminal, limits, user, other);
  }

  /** The same with its stderr elsewhere. */
  public CommandSpec withStderr(Stderr other) {
    return new CommandSpec(argv, cwd, env, other, stdin, terminal, limits, user, secrets);
  }

  /** The same with another stdin. */
  public CommandSpec withStdin(Stdin other) {
    return new CommandSpec(argv, cwd, env, stderr, other, terminal, limits, user, secrets);
  }

  /** The same on a terminal, which is its stdin only with {@link Stdin#PIPE}. */
  public CommandSpec withTerminal(Terminal other) {
    return new CommandSpec(argv, cwd, env, stderr, stdin, other, limits, user, secrets);
  }

  /** The same within other limits. */
  public CommandSpec withLimits(ResourceLimits other) {
    return new CommandSpec(argv, cwd, env, stderr, stdin, terminal, other, user, secrets);
  }

  /** The same as another user; null: the daemon's own. */
  public CommandSpec withUser(@Nullable String other) {
    return new CommandSpec(argv, cwd, env, stderr, stdin, terminal, limits, other, secrets);
  }

  /** The names in the environment that were asked to be other than the daemon has them. */
  public Set<String> envNames() {
    Set<String> names = new LinkedHashSet<>(env.keySet());
    names.addAll(secrets.values().keySet());
    return names;
  }

  /** As it is started: its secrets are part of its environment, with those the server has. */
  public CommandSpec settled(Map<String, String> fromServer) {
    Map<String, @Nullable String> all = new LinkedHashMap<>(env);
    all.putAll(secrets.values());
    all.putAll(fromServer);
    return new CommandSpec(argv, cwd, all, stderr, stdin, terminal, limits, user, Secrets.NONE);
  }

  /** Without values of the environment, and without arguments: both may be secret. */
  @Override
  public String toString() {
    return "CommandSpec[arguments=" + argv.size() + ", env=" + envNames() + "]";
  }

  /** The arguments with blanks between them, cut to 256 characters, for people to recognize it. */
  public String display() {
    String all = argv.stream().map(Argument::toString).collect(Collectors.joining(" "));
    return all.codePointCount(0, all.length()) <= MAX_DISPLAY
        ? all
        : all.substring(0, all.offsetByCodePoints(0, MAX_DISPLAY));
  }
}
