package dev.runnel.process;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Which sessions there are, and who is in their trees. The pump's own; looking takes place
 * elsewhere.
 */
final class Census {
  private static final Duration RETRY = Duration.ofMillis(200);

  private final Pump pump;
  private final Mark mark;
  private final int maxKept;
  private final Map<Integer, Session> sessions = new LinkedHashMap<>();
  private final Set<String> kept = new LinkedHashSet<>();
  private final @Nullable Adopted adopted;
  private final ExecutorService sweeper =
      Executors.newSingleThreadExecutor(
          Thread.ofPlatform().daemon().name("runnel-sweeper").factory());

  // The sweeper's own.
  private final Strangers strangers = new Strangers();

  private final List<Question> questions = new ArrayList<>();
  private boolean looking;
  private @Nullable Guard guard;
  private int told;

  /** A watchdog, for as long as it lives. */
  private record Guard(Watchdog watchdog, Poller.Watch end) {
    void close() {
      end.end();
      watchdog.end();
    }
  }

  private record Question(int tree, Purpose purpose, Consumer<List<Member>> answer) {}

  /** What a look is for. */
  private enum Purpose {
    KNOW,
    KILL
  }

  private Census(Pump pump, Mark mark, Bounds bounds, boolean adopting) {
    this.pump = pump;
    this.mark = mark;
    this.maxKept = bounds.keptJobs();
    this.adopted = adopting ? Adopted.open(pump, sessions, bounds.orphans()) : null;
  }

  /** For a process that adopts the orphans among its descendants. */
  static Census adopting(Pump pump, Mark mark, Bounds bounds) {
    return new Census(pump, mark, bounds, true);
  }

  /** For a process whose children are not all ours. */
  static Census of(Pump pump, Mark mark, Bounds bounds) {
    return new Census(pump, mark, bounds, false);
  }

  /**
   * Takes the watchdog over, also if it throws.
   *
   * @throws LibcException if the kernel has no room for another descriptor to wait for
   */
  void guard(Watchdog watchdog) {
    try {
      guard = new Guard(watchdog, pump.poller().watch(watchdog.pidfd(), Epoll.IN, _ -> unguard()));
    } catch (LibcException noRoom) {
      watchdog.end();
      throw noRoom;
    }
    if (adopted != null) {
      adopted.ignore(watchdog.pid());
    }
  }

  /** One that was told of too many is replaced: it forgets none. */
  private void tellWatchdog(String job) {
    Guard before = guard;
    if (before == null) {
      return;
    }
    if (++told < 2 * maxKept) {
      before.watchdog.keep(job);
      return;
    }
    try {
      guard(Watchdog.start(mark, kept));
      before.close();
      told = kept.size();
    } catch (LibcException e) {
      before.watchdog.keep(job);
    }
  }

  private void unguard() {
    if (guard != null) {
      guard.close();
      guard = null;
      Trouble.warn("the watchdog has ended: nobody ends the jobs if this process is killed");
    }
  }

  void enter(Session session) {
    sessions.put(session.pid(), session);
    if (adopted != null) {
      adopted.entered(session);
    }
  }

  void leave(Session session) {
    sessions.remove(session.pid());
    if (adopted != null) {
      adopted.release(session);
    }
  }

  /** Whoever is left of it lives on, also beyond this engine's own end. Before it leaves. */
  void keep(Session session) {
    if (kept.size() == maxKept) {
      kept.remove(kept.iterator().next());
    }
    kept.add(session.job());
    tellWatchdog(session.job());
    if (adopted != null) {
      adopted.keep(session);
    }
  }

  /** Whether there may be somebody whom {@link #roundUpStrays} would find. */
  boolean hasStrays() {
    return adopted != null && adopted.hasStrays();
  }

  Collection<Session> sessions() {
    return List.copyOf(sessions.values());
  }

  /**
   * Whether nobody is left but the leader, who has ended. False: not known without {@link
   * #members}.
   */
  boolean isEmptyButForLeader(Session session) {
    return adopted != null && adopted.hasNobodyOf(session);
  }

  /**
   * Looks for everybody but the leader, and answers on the pump. One look serves all who ask before
   * it begins: when many sessions end at once, there are many processes to look through, too.
   */
  void members(Session session, Consumer<List<Member>> answer) {
    ask(new Question(session.pid(), Purpose.KNOW, answer));
  }

  /** The same, and kills them, as in {@link RoundUp}. */
  void roundUp(Session session, Consumer<List<Member>> answer) {
    ask(new Question(session.pid(), Purpose.KILL, answer));
  }

  /** Kills those of whom nothing tells to which session they belong; answers whom. */
  void roundUpStrays(Consumer<List<Member>> answer) {
    ask(new Question(Kin.STRAY, Purpose.KILL, answer));
  }

  private void ask(Question question) {
    questions.add(question);
    if (!looking) {
      look();
    }
  }

  private void look() {
    looking = true;
    List<Question> asked = List.copyOf(questions);
    questions.clear();
    Sweep.View view = view(asked);
    sweep(
        () -> {
          try {
            Sweep.Found found = new RoundUp(this::look).run(view);
            pump.execute(() -> answer(asked, found));
          } catch (LibcException e) {
            Trouble.warn("cannot look for processes: " + e.getMessage());
            pump.schedule(RETRY, () -> lookAgain(asked));
          }
        });
  }

  private Sweep.Found look(Sweep.View view) {
    strangers.forgetInTime();
    return new Sweep(view, mark, strangers).run();
  }

  private static Set<Integer> toKill(List<Question> asked) {
    return asked.stream()
        .filter(question -> question.purpose == Purpose.KILL)
        .map(Question::tree)
        .collect(Collectors.toSet());
  }

  private Sweep.View view(List<Question> asked) {
    Set<Integer> wanted = asked.stream().map(Question::tree).collect(Collectors.toSet());
    Map<Integer, String> trees = new LinkedHashMap<>();
    Map<Integer, Kin> kin = new HashMap<>();
    for (Session session : sessions.values()) {
      trees.put(session.pid(), session.job());
      kin.putAll(session.outside());
    }
    Set<Integer> unknown = Set.of();
    if (adopted != null) {
      kin.putAll(adopted.kin());
      unknown = adopted.unknown();
    }
    return new Sweep.View(trees, wanted, toKill(asked), kin, unknown, new HashSet<>(kept));
  }

  private void lookAgain(List<Question> asked) {
    questions.addAll(asked);
    look();
  }

  private void answer(List<Question> asked, Sweep.Found found) {
    looking = false;
    if (adopted != null) {
      adopted.learn(found.kin());
    }
    for (Question question : asked) {
      Session session = sessions.get(question.tree);
      if (session != null) {
        session.know(found.kin());
      }
      pump.run(() -> question.answer.accept(found.of(question.tree)));
    }
    if (!looking && !questions.isEmpty()) {
      look();
    }
  }

  /** Runs what may take long. After the close, nothing: nobody is left to hear of it. */
  void sweep(Runnable task) {
    try {
      sweeper.execute(() -> runUnlessClosed(task));
    } catch (RejectedExecutionException closed) {
      return;
    }
  }

  private static void runUnlessClosed(Runnable task) {
    try {
      task.run();
    } catch (RejectedExecutionException closedMeanwhile) {
      return;
    }
  }

  /** Waits for the thread's end, which {@link #close} asked for. Not on the pump. */
  void awaitEnd(Duration patience) throws InterruptedException {
    if (!sweeper.awaitTermination(patience.toMillis(), TimeUnit.MILLISECONDS)) {
      Trouble.warn("the sweeper does not end");
    }
  }

  /** Asks the thread to end. On the pump, at its end. */
  void close() {
    sweeper.shutdown();
    if (guard != null) {
      guard.close();
    }
    if (adopted != null) {
      adopted.close();
    }
  }
}
