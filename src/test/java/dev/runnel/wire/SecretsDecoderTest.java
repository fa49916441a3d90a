package dev.runnel.wire;

import static dev.runnel.wire.Requests.assertBad;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.runnel.model.Argument;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.JobSpec;
import dev.runnel.model.Request;
import dev.runnel.model.Secrets;
import dev.runnel.model.SystemText;
import java.io.ByteArrayInputStream;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** PROTOCOL.md, section 3, {@code env_body} and {@code env_from}. */
class SecretsDecoderTest {
  private static final String ARGV = "\"argv\":[\"x\"],";
  private static final String BODY = ARGV + "\"env_body\":true";

  private static Secrets secrets(String keys, String body) throws Exception {
    return ((Request.Run) Requests.decode(keys, body)).spec().command().secrets();
  }

  @Test
  void bodyIsEntriesEachWithANulAfterIt() throws Exception {
    assertEquals(
        Map.of("A", "1", "B", "", "É", "=x\n"), secrets(BODY, "A=1\0B=\0É==x\n\0").values());
    assertEquals(Secrets.NONE, secrets("\"argv\":[\"x\"],\"env_body\":false", ""));
  }

  @Test
  void namesAloneAskForWhatTheServerHas() throws Exception {
    assertEquals(List.of("A", "B"), secrets(ARGV + "\"env_from\":[\"A\",\"B\"]", "").fromServer());
    assertEquals(Secrets.NONE, secrets(ARGV + "\"env_from\":[]", ""));
  }

  @Test
  void mistakesAreToldWithoutWhatWasSent() {
    assertBad(BODY, "", "env_body: no body");
    assertBad(BODY, "A=hidden", "the last entry does not end in NUL");
    assertBad(BODY, "A=1\0hidden\0", "entry 2 (expected: NAME=VALUE)");
    assertBad(BODY, "=hidden\0", "entry 1 (expected: NAME=VALUE)");
    assertBad(BODY, "\0", "entry 1");
    assertBad(BODY, "A=1\0A=hidden\0", "entry 2 names one again");
    assertBad(BODY + ",\"env\":{\"A\":null}", "A=1\0", "\"A\" is given twice");
    assertBad(BODY + ",\"env_from\":[\"A\"]", "A=1\0", "\"A\" is given twice");
    assertBad("\"env_body\":true", "A=1\0", "argv has to be in the header");
    assertBad("\"env_body\":true,\"argv_body\":true", "A=1\0", "argv has to be in the header");
    assertBad(ARGV + "\"env_body\":1", "A=1\0", "env_body");
    assertBad(ARGV + "\"env_from\":\"A\"", "", "env_from: not an array of names");
    assertBad(ARGV + "\"env_from\":[1]", "", "env_from: not an array of names");
    assertBad(ARGV + "\"env_from\":[\"A=\"]", "", "env_from: not an array of names");
  }

  @Test
  void valuesMayBeAnyBytes() throws Exception {
    byte[] body = {'A', '=', 's', 'e', (byte) 0xC3, 0};
    CommandSpec command = ((Request.Run) Requests.decode(BODY, body)).spec().command();
    byte[] value = SystemText.bytes(Objects.requireNonNull(command.secrets().values().get("A")));
    assertArrayEquals(new byte[] {'s', 'e', (byte) 0xC3}, value);
    Request.Run run = new Request.Run(null, JobSpec.of(command));
    byte[] encoded = RequestEncoder.encode("1", run);
    Frame frame = Objects.requireNonNull(new FrameInput(new ByteArrayInputStream(encoded)).next());
    assertArrayEquals(body, frame.body());
  }

  @Test
  void isEncodedAsItIsDecoded() throws Exception {
    Map<String, String> values = new LinkedHashMap<>();
    values.put("TOKEN", "s3cret ä");
    values.put("EMPTY", "");
    CommandSpec command =
        CommandSpec.of("/bin/sh", "-c", "echo")
            .withSecrets(new Secrets(values, List.of("PASSWORD")));
    Request.Run run = new Request.Run(null, JobSpec.of(command));
    byte[] encoded = RequestEncoder.encode("1", run);
    Frame frame = Objects.requireNonNull(new FrameInput(new ByteArrayInputStream(encoded)).next());
    assertArrayEquals(RawFrames.utf8("TOKEN=s3cret ä\0EMPTY=\0"), frame.body());
    assertEquals(run, RequestDecoder.decode(frame.header(), frame.body()));
  }

  @Test
  void argumentsThatAreNoTextGoBesideThem() throws Exception {
    CommandSpec command =
        CommandSpec.of("x")
            .withArgv(List.of(Argument.of("x"), Argument.of(new byte[] {(byte) 0xC3})))
            .withSecrets(new Secrets(Map.of("A", "1"), List.of()));
    Request.Run run = new Request.Run(null, JobSpec.of(command));
    byte[] encoded = RequestEncoder.encode("1", run);
    Frame frame = Objects.requireNonNull(new FrameInput(new ByteArrayInputStream(encoded)).next());
    assertEquals(List.of("eA==", "ww=="), frame.header().raw("argv_b64"));
    assertEquals(run, RequestDecoder.decode(frame.header(), frame.body()));
  }

  @Test
  void nobodyPrintsThemByMistake() {
    Secrets secrets = new Secrets(Map.of("A", "hidden"), List.of());
    Request.Run run =
        new Request.Run(null, JobSpec.of(CommandSpec.of("hidden").withSecrets(secrets)));
    assertFalse(run.toString().contains("hidden"), run::toString);
    assertFalse(run.spec().command().settled(Map.of("B", "hidden")).toString().contains("hidden"));
  }
}
