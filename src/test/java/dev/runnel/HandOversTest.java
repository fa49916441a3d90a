package dev.runnel;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.tngtech.archunit.core.domain.AccessTarget.CodeUnitAccessTarget;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaCodeUnit;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Every place of the daemon at which work changes its thread, and what answers there whatever is
 * thrown: by the executor, which may have no thread or no memory for it, or by the work.
 */
class HandOversTest {
  /** Clients of a server, and tools: what is thrown there is their own, and its end theirs. */
  private static final Set<String> ELSEWHERE =
      Set.of(
          "dev.runnel.cli",
          "dev.runnel.tools",
          "dev.runnel.bench",
          "dev.runnel.client",
          "dev.runnel.api");

  private static final Set<String> STARTERS =
      Set.of(
          "newSingleThreadExecutor",
          "newFixedThreadPool",
          "newCachedThreadPool",
          "newScheduledThreadPool",
          "newVirtualThreadPerTaskExecutor",
          "newWorkStealingPool");

  private static final Set<String> VERTX =
      Set.of(
          "runOnContext",
          "executeBlocking",
          "setTimer",
          "setPeriodic",
          "consumer",
          "localConsumer",
          "createSharedWorkerExecutor");

  private static final Map<String, String> ANSWERED =
      Map.ofEntries(
          Map.entry(
              "RunnelVerticle",
              "a failure fails the deployment or the undeployment, whose future tells it"),
          Map.entry(
              "service.EventBusAddresses",
              "what a worker's handler throws: FaultyAuditedStartTest; EventBusHandler answers its requests itself"),
          Map.entry(
              "metrics.LagProbe", "notes a time; what a registry throws costs that note, no loop"),
          Map.entry("http.DiskCheck", "what the probe throws is its answer: DiskCheck.reason"),
          Map.entry(
              "http.HttpServerVerticle",
              "looks at times alone, and closes connections; a scrape fails its future"),
          Map.entry("daemon.HttpWiring", "completes a promise, which throws nothing"),
          Map.entry(
              "eventbus.EventBusTransport", "an application's own: its future or its job fails"),
          Map.entry(
              "service.StartQueue",
              "a start that nobody takes is refused by the look that comes with the next"),
          Map.entry(
              "daemon.DaemonExit",
              "the thread waits from the daemon's start on, for its hooks at the end"),
          Map.entry(
              "daemon.FileWatch",
              "the thread runs from the daemon's start on, and survives what it reads"),
          Map.entry(
              "daemon.ExitWatchdog", "the thread waits from the daemon's start on: DeadlineTest"),
          Map.entry("daemon.Node", "each step of the end is cut by the deadline: DeadlineTest"),
          Map.entry(
              "daemon.Serve",
              "threads made at the start, which fails without them: FewDescriptorsTest"),
          Map.entry("job.DrainClock", "on the pump, which survives: EveryStateEndsTest"),
          Map.entry("job.Job", "to the pump, which rejects what it does not run: ProcessLoopTest"),
          Map.entry("job.Lifecycle", "on the pump: EveryStateEndsTest"),
          Map.entry("job.JobRegistry", "on the pump: EveryStateEndsTest"),
          Map.entry("job.RunnerSlot", "on the pump: EveryStateEndsTest"),
          Map.entry("job.JobSpool", "the spool's threads: JobSpoolTest"),
          Map.entry("job.SpoolThreads", "the spool's threads: JobSpoolTest"),
          Map.entry("process.tree.SubreaperChildren", "on the pump, or a look"),
          Map.entry("process.tree.ProcessTrees", "a look, whose thread is there from the start"),
          Map.entry(
              "process.engine.ChildProcess",
              "on the pump, again and again until it is told: LostProcessTest"),
          Map.entry("process.tree.TerminationSequence", "on the pump"),
          Map.entry(
              "process.spawn.StartTask", "to the pump, or what was made is undone: HungStartTest"),
          Map.entry(
              "process.engine.NativeEngine",
              "to the pump; what is thrown after the process was made ends it: LostProcessTest"),
          Map.entry(
              "process.loop.ProcessLoop",
              "the thread itself, which runs from the engine's opening on: ProcessLoopTest"),
          Map.entry("process.tree.Session", "on the pump"),
          Map.entry(
              "process.SignalThread",
              "the thread runs from the daemon's start on, and survives: NoMoreProcessesTest"),
          Map.entry(
              "process.spawn.SpawnExecutor",
              "to the pump, from a pool that tolerates hangs: HungStartTest, HangTolerantPoolTest"),
          Map.entry("process.tree.ScanThreads", "a look, whose thread is there from the start"),
          Map.entry(
              "security.audit.AuditLog",
              "the thread runs from the opening on and survives: FaultyAuditedStartTest"),
          Map.entry(
              "server.ServerConnection",
              "on its event loop, which ends the connection: what is thrown is logged there"),
          Map.entry(
              "server.FrameTimeout",
              "on its event loop: a frame or a peer too slow ends its connection"),
          Map.entry("server.FrameConnections", "on its event loop: the next second looks again"),
          Map.entry(
              "server.FrameSocket",
              "on its event loop: connections that would get no turn are closed: LoopTurnsTest"),
          Map.entry(
              "server.NodeDialer",
              "its future, whose failure closes the connection: Relay tries anew"),
          Map.entry(
              "server.Relay",
              "on its client's event loop, which ends the connection: what is thrown is logged there"),
          Map.entry(
              "cluster.Cluster",
              "a thread there from the joining on, which survives what it does: ClusterTest"),
          Map.entry("server.PeerHeartbeat", "on its event loop: the next beat looks again"),
          Map.entry(
              "server.seed.SeedConnection",
              "on its event loop, which ends the connection: what is thrown is logged there"),
          Map.entry("threads.HangTolerantPool", "HangTolerantPoolTest"),
          Map.entry("threads.TaskHandOver", "HangTolerantPoolTest"),
          Map.entry("threads.PrestartedPools", "HangTolerantPoolTest"),
          Map.entry(
              "eventbus.EventBusHandler",
              "on its context: what is thrown is answered, or the consumer is gone in ten seconds"),
          Map.entry(
              "eventbus.EventBusSubscriber",
              "on its context: without a receipt the consumer is gone in ten seconds"),
          Map.entry("eventbus.WorkerPool", "a crew's look, again with the next start"));

  @Test
  void areAllKnownWithWhatAnswersThere() {
    Map<String, Set<String>> found = new TreeMap<>();
    for (JavaClass type : RoomsTest.CLASSES) {
      if (ELSEWHERE.stream().noneMatch(room -> type.getPackageName().startsWith(room))) {
        for (JavaCodeUnit unit : type.getCodeUnits()) {
          targets(unit)
              .filter(HandOversTest::isHandOver)
              .forEach(
                  target ->
                      found
                          .computeIfAbsent(outermost(type), _ -> new TreeSet<>())
                          .add(target.getName()));
        }
      }
    }
    found.keySet().removeAll(ANSWERED.keySet());
    assertEquals(Map.of(), found, "say here what answers there, whatever is thrown, and test it");
  }

  private static Stream<? extends CodeUnitAccessTarget> targets(JavaCodeUnit unit) {
    return Stream.concat(
        unit.getCallsFromSelf().stream().map(call -> call.getTarget()),
        Stream.concat(
            unit.getMethodReferencesFromSelf().stream().map(reference -> reference.getTarget()),
            unit.getConstructorReferencesFromSelf().stream()
                .map(reference -> reference.getTarget())));
  }

  private static boolean isHandOver(CodeUnitAccessTarget target) {
    JavaClass owner = target.getOwner();
    String name = target.getName();
    boolean executor =
        owner.isAssignableTo(java.util.concurrent.Executor.class)
            && Set.of("execute", "submit", "schedule", "invokeAll").contains(name);
    boolean thread =
        owner.isAssignableTo(Thread.class) && Set.of("start", "startVirtualThread").contains(name);
    boolean builder =
        owner.isAssignableTo(Thread.Builder.class) && Set.of("start", "factory").contains(name);
    boolean future =
        owner.isAssignableTo(java.util.concurrent.CompletionStage.class)
            && (name.endsWith("Async") || name.endsWith("Timeout"));
    boolean vertx = owner.getPackageName().startsWith("io.vertx.core") && VERTX.contains(name);
    boolean pump = owner.getSimpleName().equals("ProcessLoop") && name.equals("schedule");
    return executor || thread || builder || future || vertx || pump || STARTERS.contains(name);
  }

  private static String outermost(JavaClass type) {
    String name = type.getName().substring("dev.runnel.".length());
    int nested = name.indexOf('$');
    return nested < 0 ? name : name.substring(0, nested);
  }
}
