package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.runnel.job.Job;
import dev.runnel.security.AccessControl;
import dev.runnel.server.RawClient.Answer;
import dev.runnel.service.JobRecorder;
import dev.runnel.service.StartCommand;
import dev.runnel.settings.PolicyFile;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A mistake of ours on a start's way is told, and takes no job's place for ever. */
class FaultyStartTest {
  private static final JobRecorder FAULTY =
      new JobRecorder() {
        @Override
        public @Nullable String nameFor(StartCommand start) {
          throw new IllegalStateException("a mistake");
        }

        @Override
        public void begin(StartCommand start, String name) {}

        @Override
        public void changed(Job job) {}
      };

  @Test
  void isToldWhicheverThreadItHappensOn(@TempDir Path folder) throws Exception {
    Path policy = folder.resolve("policy.yaml");
    Files.writeString(
        policy, "rules: [{name: r, principals: [anonymous], commands: [['**']], cwd: [/]}]");
    try (TestNode node = new TestNode(AccessControl.open(), FAULTY);
        RawClient client = node.connect()) {
      expectRefusal(client.ask("'argv':['true']"));
      node.guard().adopt(PolicyFile.read(policy));
      expectRefusal(client.ask("'argv':['true'],'cwd':'/'"));
    }
  }

  private static void expectRefusal(Answer answer) {
    assertEquals("unavailable", answer.text("code"), answer::toString);
    assertEquals(
        "internal error: java.lang.IllegalStateException: a mistake", answer.text("message"));
  }
}
