package dev.runnel.wire;

import dev.runnel.model.Argument;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.JobId;
import dev.runnel.model.JobSpec;
import dev.runnel.model.JobState;
import dev.runnel.model.Labels;
import dev.runnel.model.Request;
import dev.runnel.model.ResourceLimits;
import dev.runnel.model.Retention;
import dev.runnel.model.Role;
import dev.runnel.model.Secrets;
import dev.runnel.model.Signal;
import dev.runnel.model.SystemText;
import dev.runnel.model.Terminal;
import dev.runnel.model.TerminalMode;
import dev.runnel.model.TerminalModes;
import dev.runnel.model.TerminalSize;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** What the requests among PROTOCOL.md's vectors mean, by name. */
final class VectorRequests {
  private static final JobId BUILD = new JobId("build.7");
  private static final Request PING = new Request.Ping();

  static final Map<String, Expected> ALL =
      Map.ofEntries(
          expect("smallest-run", null, run(shell(RawFrames.utf8("ls -la")))),
          expect(
              "shell-line-of-any-bytes",
              "l",
              run(shell(new byte[] {'e', 'c', 'h', 'o', ' ', (byte) 0xFF, (byte) 0xC0}))),
          expect("argv-run", "1", run(CommandSpec.of("printf", "%s", "größer"))),
          expect(
              "argv-body-run",
              "2",
              run(
                  argv(
                      Argument.of("cat"),
                      Argument.of(new byte[] {(byte) 0xFF, (byte) 0xFE, ' '}),
                      Argument.of("")))),
          expect(
              "secret-environment",
              "e",
              run(deploy(Map.of("TOKEN", "s3cret", "GREETING", "grüße"), List.of()))),
          expect("environment-from-the-server", "f", run(deploy(Map.of(), List.of("DB_PASSWORD")))),
          expect("every-key-of-run", "r-1", everyKey()),
          expect("run-on-a-terminal", "v", run(onATerminal())),
          expect("terminal-with-modes", "m", run(withModes())),
          expect("bytes-that-are-no-text", "b", run(noText())),
          expect("white-space-and-escapes", null, PING),
          expect("as-deep-as-may-be", null, PING),
          expect("ping", null, PING),
          expect("pong-to-the-server", null, new Request.Pong()),
          expect("hello", "h", new Request.Hello(1, null)),
          expect("hello-with-token", "h", new Request.Hello(1, "s3cret")),
          expect(
              "stdin",
              null,
              new Request.Stdin(BUILD, 0, new byte[] {'a', 0, 'b', '\r', '\n'}, false)),
          expect("hello-with-heartbeats", "h", new Request.Hello(1, null, Duration.ofSeconds(15))),
          expect(
              "attach",
              "a",
              new Request.Attach(
                  BUILD, null, OptionalLong.of(0), OptionalLong.empty(), Role.WATCHER)),
          expect(
              "attach-at-the-end",
              "a",
              new Request.Attach(
                  BUILD, null, OptionalLong.empty(), OptionalLong.empty(), Role.WATCHER)),
          expect(
              "attach-as-runner",
              "a",
              new Request.Attach(
                  BUILD, "b-1", OptionalLong.of(7), OptionalLong.of(65_536), Role.RUNNER)),
          expect("detach", "d", new Request.Detach("a")),
          expect("stdin-eof", null, new Request.Stdin(BUILD, 5, new byte[0], true)),
          expect("ack", null, new Request.Ack(null, 131_072)),
          expect("ack-of-a-run", null, new Request.Ack("r-1", 9_007_199_254_740_991L)),
          expect("signal", "s", new Request.SendSignal(BUILD, Signal.INT)),
          expect("cancel", "c", new Request.Cancel(BUILD)),
          expect("cancel at once", "c", new Request.Cancel(BUILD, Duration.ZERO)),
          expect("resize", "z", new Request.Resize(BUILD, new TerminalSize(50, 132))),
          expect("status", "t", new Request.Status(BUILD)),
          expect("jobs", "j", Request.Jobs.ALL),
          expect("some-jobs", "j", new Request.Jobs("build.", JobState.RUNNING, Labels.NONE, 10)),
          expect(
              "jobs-watched",
              "w",
              new Request.Jobs(null, JobState.RUNNING, Labels.NONE, null, 100_000, true)),
          expect(
              "jobs-after-a-name",
              "j",
              new Request.Jobs(null, null, Labels.NONE, new JobId("build.7"), 10, false)),
          expect(
              "jobs-with-a-label",
              "j",
              new Request.Jobs(null, null, new Labels(Map.of("app", "shop")), 100_000)),
          expect(
              "run-with-labels",
              "l",
              new Request.Run(
                  null,
                  JobSpec.of(CommandSpec.of(List.of(Argument.of("make"))))
                      .withLabels(new Labels(Map.of("app", "shop", "stage", "test/1"))))));

  /**
   * A request and its name.
   *
   * @param id null: it has none
   */
  record Expected(@Nullable String id, Request request) {}

  private VectorRequests() {}

  private static Map.Entry<String, Expected> expect(
      String name, @Nullable String id, Request request) {
    return Map.entry(name, new Expected(id, request));
  }

  private static Request run(CommandSpec command) {
    return new Request.Run(null, JobSpec.of(command));
  }

  private static CommandSpec onATerminal() {
    CommandSpec command =
        new CommandSpec(
            List.of(Argument.of("vi")),
            null,
            Map.of(),
            CommandSpec.Stderr.MERGED,
            CommandSpec.Stdin.PIPE);
    return command
        .withTerminal(new Terminal(new TerminalSize(24, 80), "xterm-256color"))
        .withLimits(
            new ResourceLimits(
                OptionalLong.of(60),
                OptionalLong.of(1L << 30),
                OptionalLong.of(64),
                OptionalLong.of(1 << 20)))
        .withUser("build");
  }

  private static CommandSpec withModes() {
    return CommandSpec.of("vi")
        .withTerminal(
            new Terminal(
                TerminalSize.DEFAULT,
                "xterm",
                new TerminalModes(
                    Map.of(
                        TerminalMode.INTR,
                        11,
                        TerminalMode.ERASE,
                        8,
                        TerminalMode.IXON,
                        0,
                        TerminalMode.SPEED,
                        9_600))));
  }

  private static CommandSpec noText() {
    byte[] odd = {(byte) 0xE9};
    Map<String, @Nullable String> env = new LinkedHashMap<>();
    env.put("A", SystemText.of(odd));
    env.put("B", null);
    return new CommandSpec(
        List.of(Argument.of("cat"), Argument.of(new byte[] {(byte) 0xFF})),
        "/" + SystemText.of(odd),
        env,
        CommandSpec.Stderr.SEPARATE,
        CommandSpec.Stdin.NULL);
  }

  private static CommandSpec deploy(Map<String, String> sent, List<String> fromServer) {
    return CommandSpec.of("deploy").withSecrets(new Secrets(sent, fromServer));
  }

  private static CommandSpec shell(byte[] line) {
    return argv(Argument.of("/bin/sh"), Argument.of("-c"), Argument.of(line));
  }

  private static CommandSpec argv(Argument... argv) {
    return new CommandSpec(
        List.of(argv), null, Map.of(), CommandSpec.Stderr.SEPARATE, CommandSpec.Stdin.NULL);
  }

  @SuppressWarnings("NullAway") // It does not see the annotation inside a compiled record's type.
  private static Request everyKey() {
    Map<String, @Nullable String> env = new HashMap<>();
    env.put("LANG", "C.UTF-8");
    env.put("DEBUG", null);
    CommandSpec command =
        new CommandSpec(
            List.of(Argument.of("make"), Argument.of("all")),
            "/src",
            env,
            CommandSpec.Stderr.MERGED,
            CommandSpec.Stdin.PIPE);
    JobSpec spec =
        new JobSpec(
            command,
            Duration.ofMinutes(1),
            Duration.ofMillis(500),
            Duration.ofMillis(250),
            Duration.ofSeconds(5),
            JobSpec.Leftovers.KEEP,
            262_144,
            OptionalLong.of(65_536),
            new Retention(
                Duration.ofMinutes(1),
                Duration.ofHours(1),
                Retention.OnFull.SPOOL,
                OptionalLong.of(1 << 30)));
    return new Request.Run(BUILD, "1f6c", spec, "b-1");
  }
}
