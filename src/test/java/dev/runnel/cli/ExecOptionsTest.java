package dev.runnel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.CommandSpec;
import dev.runnel.model.Request;
import dev.runnel.model.SystemText;
import dev.runnel.wire.RequestEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which option becomes which key of a run. */
@NullMarked
class ExecOptionsTest {
  private static Request.Run run(CommandLine line) throws Failure {
    CliContext surroundings =
        new Client().env(Map.of("PASSED", "on", "BROKEN", "\uFFFD")).surroundings();
    Arguments arguments = new Arguments(ExecOptions.TABLE, line);
    arguments.read();
    return ExecOptions.run(arguments, surroundings, Target.Defaults.NONE, null);
  }

  /** The header of the run that these words make. */
  private static String header(String words) throws Failure {
    String[] all = ("exec " + words).split(" ", -1);
    byte[] frame = RequestEncoder.encode(null, run(CommandLine.of(all)));
    int length = (frame[0] & 0xFF) | (frame[1] & 0xFF) << 8;
    return new String(frame, 4, length, StandardCharsets.UTF_8);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "ls -la                      | \"argv\":[\"ls\",\"-la\"],",
        "-- ls -- -n                 | \"argv\":[\"ls\",\"--\",\"-n\"],",
        "-                           | \"argv\":[\"-\"],",
        "-c ls                       | ``",
        "-cls                        | ``",
        "--shell=ls                  | ``",
        "--cwd /src x                | \"argv\":[\"x\"],\"cwd\":\"/src\",",
        "--cwd=/src x                | \"argv\":[\"x\"],\"cwd\":\"/src\",",
        "--env A=1=2 --env B= x      | \"argv\":[\"x\"],\"env\":{\"A\":\"1=2\",\"B\":\"\"},",
        "--env PASSED --env UNSET x  | \"argv\":[\"x\"],\"env\":{\"PASSED\":\"on\",\"UNSET\":null},",
        "--merge x                   | \"argv\":[\"x\"],\"merge\":true,",
        "--user 7 x                  | \"argv\":[\"x\"],\"user\":\"7\",",
        "--limit-cpu 2m x            | \"argv\":[\"x\"],\"limits\":{\"cpu_s\":120},",
        "--limit-memory 1G x         | \"argv\":[\"x\"],\"limits\":{\"memory_bytes\":1073741824},",
        "--limit-open-files 64 x     | \"argv\":[\"x\"],\"limits\":{\"open_files\":64},",
        "--limit-file 0 x            | \"argv\":[\"x\"],\"limits\":{\"file_bytes\":0},",
        "--stdin x                   | \"argv\":[\"x\"],\"stdin\":true,",
        "-n x                        | \"argv\":[\"x\"],",
        "--no-stdin x                | \"argv\":[\"x\"],",
        "--job build-7 x             | \"argv\":[\"x\"],\"job\":\"build-7\",",
        "--boot b1 x                 | \"argv\":[\"x\"],\"boot\":\"b1\",",
        "--timeout 30s x             | \"argv\":[\"x\"],\"timeout_ms\":30000,",
        "--timeout 1s --timeout 2s x | \"argv\":[\"x\"],\"timeout_ms\":2000,",
        "--grace 0s x                | \"argv\":[\"x\"],\"grace_ms\":0,",
        "--drain 250ms x             | \"argv\":[\"x\"],\"drain_ms\":250,",
        "--drain-max 1m x            | \"argv\":[\"x\"],\"drain_max_ms\":60000,",
        "--window 64K x              | \"argv\":[\"x\"],\"window\":65536,",
        "--retain 4M x               | \"argv\":[\"x\"],\"retain\":4194304,",
        "--leftovers keep x          | \"argv\":[\"x\"],\"leftovers\":\"keep\",",
        "-e A=1 -w /src -u 7 x       | \"argv\":[\"x\"],\"cwd\":\"/src\",\"env\":{\"A\":\"1\"},\"user\":\"7\",",
        "-eA=1 -e=B=2 x              | \"argv\":[\"x\"],\"env\":{\"A\":\"1\",\"B\":\"2\"},",
        "-i x                        | \"argv\":[\"x\"],\"stdin\":true,",
        "-it x                       | \"argv\":[\"x\"],\"stdin\":true,",
        "-ti x                       | \"argv\":[\"x\"],\"stdin\":true,",
        "-itt x                      | \"argv\":[\"x\"],\"stdin\":true,",
        "-itw /src x                 | \"argv\":[\"x\"],\"cwd\":\"/src\",\"stdin\":true,",
        "-tiw/src x                  | \"argv\":[\"x\"],\"cwd\":\"/src\",\"stdin\":true,",
        "--interactive --tty x       | \"argv\":[\"x\"],\"stdin\":true,",
        "--workdir=/src x            | \"argv\":[\"x\"],\"cwd\":\"/src\",",
        "x -it -e A                  | \"argv\":[\"x\",\"-it\",\"-e\",\"A\"],",
        "--secret-env PASSED x       | \"argv\":[\"x\"],\"env_body\":true,",
        "--secret-env PASSED -c ls   | \"argv\":[\"/bin/sh\",\"-c\",\"ls\"],\"env_body\":true,",
        "--env-from A --env-from B x | \"argv\":[\"x\"],\"env_from\":[\"A\",\"B\"],",
        "--leftovers kill x          | \"argv\":[\"x\"],",
      })
  void becomesItsKey(String words, String keys) throws Failure {
    String header = header(words);
    assertEquals("{" + keys, header.substring(0, header.indexOf("\"total_size\"")));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--timeout 30 x         | --timeout: 30 (expected: a duration with its unit: 500ms, 30s, 5m, 1h30m or 2d; did you mean 30s?)",
        "--timeout 0s x         | --timeout: 0s (expected: >= 1ms)",
        "--grace 9000h x        | --grace: 9000h (limit: 8760h)",
        "--window 1023 x        | --window: 1023 (expected: >= 1024)",
        "--window 2M x          | --window: 2097152 (limit: --retain, which is 1048576)",
        "--retain 1023 x        | --retain: 1023 (expected: >= 1024)",
        "--retain 1P x          | --retain: 1P (expected: bytes, such as 65536, 64K, 1.5M or 2G)",
        "--cwd src x            | --cwd: src (expected: an absolute path)",
        "--env =1 x             | --env: =1 (expected: NAME=VALUE or NAME)",
        "--env BROKEN x         | --env: the value of BROKEN is not UTF-8",
        "--job -x y             | --job: -x (expected: [A-Za-z0-9][A-Za-z0-9._-]{0,63})",
        "--leftovers all x      | --leftovers: all (expected: kill or keep)",
        "--stdin -n x           | --stdin and --no-stdin as well",
        "-c ls x                | -c and a command as well: x",
        "--merge                | no command (expected: CMD ARG…, or -c LINE)",
        "--merge=yes x          | --merge takes no value: --merge=yes",
        "-nx y                  | -n takes no value: -nx",
        "--merg x               | unknown option --merg (did you mean --merge?)",
        "--frobnicate x         | unknown option --frobnicate",
        "-z x                   | unknown option -z",
        "-itz x                  | unknown option -z",
        "-p 22 x                | unknown option -p (the port goes into -H HOST:PORT)",
        "-l ann x               | unknown option -l (the user goes into --user)",
        "--time 3s x            | unknown option --time (did you mean --timeout?)",
        "--tail 3 x             | unknown option --tail",
        "--env -- ls            | --env: missing its value NAME[=VALUE] before --",
        "-H -- ls               | -H: missing its value HOST before --",
        "--timeout              | --timeout: missing its value TIME",
        "--ca  x                | --ca: its value is empty (expected: FILE)",
        "--ca= x                | --ca: its value is empty (expected: FILE)",
        "--token-file  x        | --token-file: its value is empty (expected: FILE)",
        "-H  x                  | -H: its value is empty (expected: HOST)",
        "--secret-env  x        | --secret-env: its value is empty (expected: NAME)",
        "--report  x            | --report: its value is empty (expected: FILE)",
        "-c                     | -c: missing its value LINE",
        "--shell=               | --shell: its value is empty (expected: LINE)",
      })
  void saysWhatIsWrong(String words, String message) {
    Failure failure = assertThrows(Failure.class, () -> header(words));
    assertEquals(message, failure.line());
    assertEquals(Failure.USAGE, failure.exitCode());
  }

  @Test
  void passesAnyBytesOn() throws Exception {
    byte[] odd = {'a', (byte) 0xFF, ' ', (byte) 0xC3};
    CommandLine line = CommandLine.ofBytes(List.of(bytes("exec"), bytes("printf"), odd));
    assertEquals(2, run(line).spec().command().argv().size());
    assertTrue(Arrays.equals(odd, run(line).spec().command().argv().get(1).bytes()));
  }

  @Test
  void passesAnyBytesOfAShellLineOn() throws Exception {
    byte[] attached = {'-', 'c', (byte) 0xFF, 'x'};
    CommandLine line = CommandLine.ofBytes(List.of(bytes("exec"), attached));
    assertTrue(
        Arrays.equals(
            new byte[] {(byte) 0xFF, 'x'}, run(line).spec().command().argv().get(2).bytes()));
  }

  @Test
  void passesAnyBytesOfAFolderAndOfVariablesOn() throws Exception {
    byte[] cwd = {'/', (byte) 0xFF};
    byte[] entry = {'A', '=', (byte) 0xE9};
    CommandLine line =
        CommandLine.ofBytes(
            List.of(bytes("exec"), bytes("--cwd"), cwd, bytes("--env"), entry, bytes("x")));
    CommandSpec command = run(line).spec().command();
    assertTrue(Arrays.equals(cwd, SystemText.bytes(Objects.requireNonNull(command.cwd()))));
    byte[] value = SystemText.bytes(Objects.requireNonNull(command.env().get("A")));
    assertTrue(Arrays.equals(new byte[] {(byte) 0xE9}, value));
  }

  @Test
  void refusesBytesWhereOnlyTextCanBe() {
    byte[] odd = {'x', (byte) 0xFF};
    CommandLine line = CommandLine.ofBytes(List.of(bytes("exec"), bytes("--job"), odd, bytes("x")));
    assertEquals(
        "--job: x\uFFFD (expected: UTF-8)", assertThrows(Failure.class, () -> run(line)).line());
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  @Test
  void saysWhatCarriesMoreThanAHeader() {
    Client client = new Client();
    assertEquals(
        255, client.run("exec", "-n", "-H", "h", "--env", "A=" + "x".repeat(70_000), "ls"));
    assertTrue(
        client
            .err()
            .contains(" (limit: 65536): arguments and --env are too long; --secret-env NAME"),
        client.err());
  }

  // A new option must have a row above.
  @Test
  void hasHelpForEveryOption() {
    String help = ExecVerb.DEFINITION.help();
    for (Option option : ExecOptions.TABLE) {
      assertTrue(help.contains(option.name()), option.name());
    }
    for (String line : help.lines().toList()) {
      assertTrue(line.length() <= 100, line);
    }
  }
}
