package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.runnel.security.AccessControl;
import dev.runnel.security.audit.Audit;
import dev.runnel.security.audit.AuditEntry;
import dev.runnel.security.policy.Policy;
import dev.runnel.security.quota.Quotas;
import dev.runnel.service.JobRecorder;
import io.vertx.core.Future;
import java.nio.charset.StandardCharsets;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

/**
 * A mistake of ours in a connection's turn, an Error even: its client hears of it, others don't.
 */
class BrokenTurnTest {
  /** Throws whenever a client asks for a job that there is not. */
  private static final Audit FAULTY =
      new Audit() {
        @Override
        public Future<Void> before(Supplier<AuditEntry> entry) {
          return Future.succeededFuture();
        }

        @Override
        public void note(Supplier<AuditEntry> entry) {}

        @Override
        public void noteSome(String source, Supplier<AuditEntry> entry) {
          throw new OutOfMemoryError("not really");
        }

        @Override
        public void noteOnce(String what, Supplier<AuditEntry> entry) {}
      };

  @Test
  void endsItsConnectionAndNoOther() throws Exception {
    AccessControl access = new AccessControl(Policy.NONE, FAULTY, Quotas.none());
    try (TestNode node = new TestNode(access, JobRecorder.NONE);
        RawClient other = node.connect()) {
      for (int frames : new int[] {1, 1_000}) {
        // More than one turn takes: the mistake then comes in a later one.
        try (RawClient client = node.connect()) {
          byte[][] sent = new byte[frames][];
          for (int i = 0; i < frames - 1; i++) {
            sent[i] = RawClient.frame("'type':'ping'");
          }
          sent[frames - 1] = RawClient.frame("'type':'status','id':'s','job':'nobody'");
          client.send(RawClient.together(sent));
          String answers =
              new String(client.socket().getInputStream().readAllBytes(), StandardCharsets.UTF_8);
          assertFalse(answers.contains("status"), answers);
        }
        assertEquals("end", other.ask("'argv':['true']").type());
      }
    }
  }
}
