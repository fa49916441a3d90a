package dev.runnel.bench;

import dev.runnel.model.Argument;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.JobId;
import dev.runnel.model.JobSpec;
import dev.runnel.model.Request;
import dev.runnel.model.Role;
import dev.runnel.wire.RequestEncoder;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** What is run, the same at the floor and over Runnel. */
final class BenchCommands {
  static final List<String> NOTHING = List.of("/bin/sh", "-c", "true");
  static final List<String> ECHO = List.of("/bin/cat");

  private BenchCommands() {}

  /** Zeroes, in writes of so many bytes. */
  static List<String> writing(int writes, int bytesEach) {
    String dd = "exec dd if=/dev/zero bs=" + bytesEach + " count=" + writes + " 2>/dev/null";
    return List.of("/bin/sh", "-c", dd);
  }

  /** The same, once it was given a line. */
  static List<String> writingWhenTold(int writes, int bytesEach) {
    return List.of("/bin/sh", "-c", "read -r _; " + writing(writes, bytesEach).getLast());
  }

  /** To follow a job from its beginning, without a say. */
  static byte[] watch(String id, JobId job) {
    return RequestEncoder.encode(
        id, new Request.Attach(job, null, OptionalLong.of(0), OptionalLong.empty(), Role.WATCHER));
  }

  /** All that a command gets on its stdin. */
  static byte[] line(JobId job) {
    return RequestEncoder.encode(null, new Request.Stdin(job, 0, new byte[] {'\n'}, true));
  }

  static byte[] run(String id, List<String> argv) {
    return run(id, null, argv, CommandSpec.Stdin.NULL);
  }

  /** With stdin, which needs a name to send to. */
  static byte[] talk(String id, JobId job, List<String> argv) {
    return run(id, job, argv, CommandSpec.Stdin.PIPE);
  }

  private static byte[] run(
      String id, @Nullable JobId job, List<String> argv, CommandSpec.Stdin stdin) {
    List<Argument> arguments = argv.stream().map(Argument::of).toList();
    CommandSpec command =
        new CommandSpec(arguments, null, Map.of(), CommandSpec.Stderr.SEPARATE, stdin);
    return RequestEncoder.encode(id, new Request.Run(job, JobSpec.of(command)));
  }
}
