package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.runnel.job.Job;
import dev.runnel.job.JobLimits;
import dev.runnel.job.LogMemory;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.JobId;
import dev.runnel.process.ProcessEngine;
import dev.runnel.process.ProcessListener;
import dev.runnel.security.AccessControl;
import dev.runnel.security.audit.AuditLog;
import dev.runnel.security.audit.AuditSink;
import dev.runnel.security.policy.Policy;
import dev.runnel.security.quota.Quotas;
import dev.runnel.server.RawClient.Answer;
import dev.runnel.service.JobRecorder;
import dev.runnel.service.StartCommand;
import dev.runnel.settings.PolicyFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Whatever is thrown on a start's way, and on whatever thread, is answered. */
class FaultyAuditedStartTest {
  private static final int ROUNDS = 3;

  /** Where on the way it is thrown. */
  private enum Where {
    NAME,
    BEGIN,
    START
  }

  @SuppressWarnings("TypeParameterUnusedInFormals")
  private static <E extends Throwable> void raise(Throwable thrown) throws E {
    @SuppressWarnings("unchecked")
    E unchecked = (E) thrown;
    throw unchecked;
  }

  private static final class Nowhere implements AuditSink {
    @Override
    public void write(byte[] lines) {}

    @Override
    public void close() {}
  }

  private record Faulty(Where where, Throwable thrown) implements JobRecorder {
    @Override
    public @Nullable String nameFor(StartCommand start) {
      failAt(Where.NAME);
      return "name";
    }

    @Override
    public void begin(StartCommand start, String name) {
      failAt(Where.BEGIN);
    }

    @Override
    public void changed(Job job) {}

    void failAt(Where here) {
      if (where == here) {
        FaultyAuditedStartTest.<RuntimeException>raise(thrown);
      }
    }
  }

  private static final class FaultyEngine extends EngineBetween {
    private final Faulty faulty;

    private FaultyEngine(ProcessEngine engine, Faulty faulty) {
      super(engine);
      this.faulty = faulty;
    }

    @Override
    public void startHere(
        JobId job, CommandSpec command, BooleanSupplier claim, ProcessListener listener) {
      faulty.failAt(Where.START);
      engine.startHere(job, command, claim, listener);
    }

    @Override
    public void start(
        JobId job, CommandSpec command, BooleanSupplier claim, ProcessListener listener) {
      faulty.failAt(Where.START);
      engine.start(job, command, claim, listener);
    }
  }

  static Stream<Faulty> faults() {
    return Stream.of(Where.values())
        .flatMap(
            where ->
                Stream.of(
                        new IllegalStateException("a mistake"),
                        new OutOfMemoryError("unable to create native thread"),
                        new StackOverflowError(),
                        new Exception("checked"),
                        new AssertionError("impossible"))
                    .map(thrown -> new Faulty(where, thrown)));
  }

  @ParameterizedTest
  @MethodSource("faults")
  void isAnswered(Faulty faulty, @TempDir Path folder) throws Exception {
    Path policy = folder.resolve("policy.yaml");
    Files.writeString(
        policy, "rules: [{name: r, principals: [anonymous], commands: [['**']], cwd: [/]}]");
    AuditLog.Options options =
        new AuditLog.Options(AuditLog.Options.Arguments.DIGEST, AuditLog.Options.OnFailure.REFUSE);
    try (AuditLog audit = new AuditLog(new Nowhere(), options)) {
      AccessControl guard = new AccessControl(Policy.NONE, audit, Quotas.none());
      try (TestNode node =
              new TestNode(
                  ServerLimits.DEFAULT,
                  JobLimits.DEFAULT,
                  new LogMemory(256L << 20, ROUNDS),
                  new Authentication.Open("anonymous"),
                  engine -> new FaultyEngine(engine, faulty),
                  guard,
                  faulty);
          RawClient client = node.connect()) {
        for (int i = 0; i < ROUNDS; i++) {
          expectRefusal(client.ask("'argv':['true']"));
        }
        guard.adopt(PolicyFile.read(policy));
        for (int i = 0; i < ROUNDS; i++) {
          expectRefusal(client.ask("'argv':['true'],'cwd':'/'"));
        }
        Until.holds("every place is free", () -> node.registry().places() == 0);
      }
    }
  }

  private static void expectRefusal(Answer answer) {
    assertEquals("unavailable", answer.text("code"), answer::toString);
  }
}
