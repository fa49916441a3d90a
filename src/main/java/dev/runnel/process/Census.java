package dev.runnel.process;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
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

/** Which sessions there are, and who is in them. The pump's own; looking takes place elsewhere. */
final class Census {
  private static final Duration RETRY = Duration.ofMillis(200);

  private final Pump pump;
  private final Map<Integer, Session> sessions = new HashMap<>();
  private final @Nullable Adopted adopted;
  private final ExecutorService sweeper =
      Executors.newSingleThreadExecutor(
          Thread.ofPlatform().daemon().name("runnel-sweeper").factory());

  private final List<Question> questions = new ArrayList<>();
  private boolean looking;

  private record Question(int session, Consumer<List<Member>> answer) {}

  private Census(Pump pump, boolean adopting) {
    this.pump = pump;
    this.adopted = adopting ? Adopted.open(pump, sessions) : null;
  }

  /** For a process that adopts the orphans among its descendants. */
  static Census adopting(Pump pump) {
    return new Census(pump, true);
  }

  /** For a process whose children are not all ours. */
  static Census of(Pump pump) {
    return new Census(pump, false);
  }

  void enter(Session session) {
    sessions.put(session.pid(), session);
    if (adopted != null) {
      adopted.watch();
    }
  }

  void leave(Session session) {
    sessions.remove(session.pid());
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
    questions.add(new Question(session.pid(), answer));
    if (!looking) {
      look();
    }
  }

  private void look() {
    looking = true;
    List<Question> asked = List.copyOf(questions);
    questions.clear();
    Set<Integer> wanted = asked.stream().map(Question::session).collect(Collectors.toSet());
    sweep(
        () -> {
          try {
            Map<Integer, List<Member>> found = ProcFiles.members(wanted);
            pump.execute(() -> answer(asked, found));
          } catch (LibcException e) {
            Trouble.warn("cannot look for processes: " + e.getMessage());
            pump.schedule(RETRY, () -> lookAgain(asked));
          }
        });
  }

  private void lookAgain(List<Question> asked) {
    questions.addAll(asked);
    look();
  }

  private void answer(List<Question> asked, Map<Integer, List<Member>> found) {
    looking = false;
    for (Question question : asked) {
      List<Member> members = found.getOrDefault(question.session, List.of());
      pump.run(() -> question.answer.accept(members));
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
    if (adopted != null) {
      adopted.close();
    }
  }
}
