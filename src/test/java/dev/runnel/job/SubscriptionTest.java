package dev.runnel.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.job.Scene.Spec;
import dev.runnel.model.Event;
import dev.runnel.model.Stream;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a runner is told when much happens between two looks of its own. */
class SubscriptionTest {
  private final Scene scene = new Scene();
  private final FakeEngine engine = scene.engine;
  private final Told told = new Told();

  @AfterEach
  void nothingIsLeft() {
    scene.checkNothingIsLeft();
  }

  @Test
  void jobStartsBeforeItWrites() throws Exception {
    Subscription following = follow(new Spec());
    following.tell();
    FakeProcess process = start(following);
    process.write(Stream.STDOUT, "out");
    engine.settle();
    assertTrue(following.next(100, told::output));
    assertEquals(List.of("Started", "out"), told.events);
    following.leave();
  }

  @Test
  void jobStartsBeforeItEnds() throws Exception {
    Subscription following = follow(new Spec());
    following.tell();
    start(following).exit(0);
    engine.settle();
    assertFalse(following.next(100, told::output));
    assertEquals(List.of("Started", "Ended"), told.events);
  }

  @Test
  void stdinThatWasTakenIsToldBeforeTheEnd() throws Exception {
    Subscription following = follow(Spec.withStdin());
    FakeProcess process = start(following);
    following.tell();
    following.stdin(0, new byte[] {1, 2, 3}, true);
    engine.settle();
    process.exit(0);
    engine.settle();
    assertFalse(following.next(100, told::output));
    assertEquals(List.of("Started", "StdinAck 0", "StdinAck 3 eof", "Ended"), told.events);
  }

  private Subscription follow(Spec spec) throws RejectedException {
    Job job = scene.registry.register(Scene.run(null, spec), Scene.TESTER).job();
    SubscribeOptions how =
        SubscribeOptions.run(OptionalLong.empty(), SubscribeOptions.Existence.NEW);
    return Subscription.of(job, how, scene.registry.node(), told);
  }

  private FakeProcess start(Subscription following) {
    following.job().start();
    FakeProcess process = engine.spawn();
    engine.settle();
    return process;
  }

  /** Looks only when the test does. */
  private static final class Told implements Subscription.Outlet {
    final List<String> events = new ArrayList<>();

    void output(LentSlice lease) {
      try (lease) {
        byte[] bytes = new byte[(int) lease.bytes().byteSize()];
        lease.bytes().asByteBuffer().get(bytes);
        events.add(new String(bytes, java.nio.charset.StandardCharsets.US_ASCII));
      }
    }

    @Override
    public void execute(Runnable task) {}

    @Override
    public void look() {}

    @Override
    public void tell(Event.Interim event) {
      String more =
          event instanceof Event.StdinAck ack ? " " + ack.offset() + (ack.eof() ? " eof" : "") : "";
      events.add(event.getClass().getSimpleName() + more);
    }

    @Override
    public void ready() {}

    @Override
    public void finish(Event.Final event) {
      events.add(event.getClass().getSimpleName());
    }
  }
}
