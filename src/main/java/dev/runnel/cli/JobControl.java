package dev.runnel.cli;

import dev.runnel.model.JobId;
import dev.runnel.model.Request;
import dev.runnel.model.Signal;
import dev.runnel.model.TerminalSize;
import dev.runnel.wire.RequestEncoder;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Acts on the job that {@code exec} runs, from any thread. What is asked before the job's name is
 * known is sent when it is; what was not answered before a connection was lost is asked again.
 * Nothing is sent under the lock.
 */
final class JobControl {
  private static final String SIGNAL_ID = "signal";
  private static final String QUIT_ID = "quit-";

  /** What a connection may be lost for without a word of it. */
  private static final long MOMENT_NANOS = 1_000_000_000;

  /** How long a caller waits for another thread that is about to send. */
  private static final long SENDING_MILLIS = 1_000;

  private final CurrentConnection link;
  private final Parting parting;

  private @Nullable JobId job;
  private boolean started;
  private boolean cut;
  private long cutSince;
  private @Nullable TerminalRelay terminal;
  private int resizes;
  private int interrupts;
  private int quits;
  private int quitsSent;
  private int quitsAnswered;
  private int sending;
  private Step wanted = Step.NONE;
  private Step sent = Step.NONE;
  private Step answered = Step.NONE;

  /** Whose wish it was that a canceled job ends. */
  enum Canceled {
    BY_US,
    BY_OTHERS
  }

  /** How a job is left by us when we must go. */
  enum Parting {
    /** It is ours, and ends with us. */
    CANCEL("cancel"),
    /** It goes on. */
    DETACH("detach");

    private final String id;

    Parting(String id) {
      this.id = id;
    }
  }

  /** How far we went; a later step does without those before it. */
  private enum Step {
    NONE,
    INTERRUPT,
    PART
  }

  /**
   * @param job null: the server makes the name
   */
  JobControl(CurrentConnection link, Parting parting, @Nullable JobId job) {
    this.parting = parting;
    this.link = link;
    this.job = job;
  }

  /** Lends it our terminal whenever it is followed. */
  void lend(TerminalRelay relay) {
    terminal = relay;
  }

  /** The job takes no keys of ours. */
  void keepKeys() {
    if (terminal != null) {
      terminal.keepKeys();
    }
  }

  /** The server told the name. */
  void started(JobId name) {
    synchronized (this) {
      started = true;
      job = name;
    }
    send();
    sendQuits();
    if (terminal != null) {
      terminal.lend(this);
    }
  }

  /** The job was not asked for yet: what is wanted of it waits for {@link #begin}. */
  synchronized void hold() {
    cutSince = System.nanoTime();
    cut = true;
  }

  /** The job was asked for. */
  void begin() {
    synchronized (this) {
      cut = false;
    }
    send();
  }

  /** The connection is lost, and with it what is typed. */
  void cut() {
    synchronized (this) {
      cutSince = cut ? cutSince : System.nanoTime();
      cut = true;
    }
    if (terminal != null) {
      terminal.takeBack();
    }
  }

  /** Whether the connection was lost more than a moment ago, and there is no other one yet. */
  synchronized boolean isCut() {
    return cut && System.nanoTime() - cutSince > MOMENT_NANOS;
  }

  /** The job is followed over another connection. */
  void resumed() {
    synchronized (this) {
      cut = false;
      sent = answered;
      quitsSent = quitsAnswered;
    }
    send();
    sendQuits();
    if (terminal != null) {
      terminal.lend(this);
    }
  }

  /** The server answered a request of that id. */
  synchronized void answered(@Nullable String id) {
    if (id != null && id.startsWith(QUIT_ID)) {
      quitsAnswered++;
    }
    Step step =
        parting.id.equals(id) ? Step.PART : SIGNAL_ID.equals(id) ? Step.INTERRUPT : Step.NONE;
    if (step.compareTo(answered) > 0) {
      answered = step;
      notifyAll();
    }
  }

  /** The job is no more, or another's: it is left alone from now on. */
  synchronized void release() {
    answered = Step.PART;
    sent = Step.PART;
    notifyAll();
  }

  /** Our terminal has another size. Does nothing before the job's name is known. */
  void resize(TerminalSize size) {
    byte[] frame;
    synchronized (this) {
      if (job == null) {
        return;
      }
      // A name of its own for each: the answer to one before may still be on its way.
      frame = RequestEncoder.encode("resize-" + ++resizes, new Request.Resize(job, size));
    }
    link.trySend(frame);
  }

  /** Ctrl-C: the first goes to the command, the next cancels the job. */
  void interrupt() {
    synchronized (this) {
      interrupts++;
      want(interrupts == 1 ? Step.INTERRUPT : Step.PART);
    }
    send();
  }

  /** Ctrl-\: goes to the command, each of them. */
  void quit() {
    synchronized (this) {
      quits++;
    }
    sendQuits();
  }

  /**
   * Leaves the job as it is to be left. The request was sent when this returns, also if another
   * thread sends it: a caller that then closes the connection does not overtake it.
   */
  void part() {
    synchronized (this) {
      want(Step.PART);
    }
    send();
    awaitSent();
  }

  private synchronized void awaitSent() {
    long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(SENDING_MILLIS);
    try {
      long left;
      while (sending > 0
          && (left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime())) > 0) {
        wait(left);
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  /** The same, and waits until the server says so, but not for long. */
  void partAndWait(long millis) throws InterruptedException {
    part();
    long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
    synchronized (this) {
      long left;
      while (answered != Step.PART
          && job != null
          && (left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime())) > 0) {
        wait(left);
      }
    }
  }

  /** Whose wish it was if the job was canceled: ours after Ctrl-C. */
  synchronized Canceled canceled() {
    return interrupts > 0 ? Canceled.BY_US : Canceled.BY_OTHERS;
  }

  /** Whether the server told that there is a job. */
  synchronized boolean hasJob() {
    return started;
  }

  private void want(Step step) {
    wanted = step.compareTo(wanted) > 0 ? step : wanted;
  }

  private void sendQuits() {
    Message quit;
    while ((quit = nextQuit()) != null) {
      quit.send();
    }
  }

  private synchronized @Nullable Message nextQuit() {
    BlockingConnection to = link.current();
    boolean over = sent == Step.PART || quitsSent >= quits;
    if (job == null || to == null || !started || cut || over) {
      return null;
    }
    quitsSent++;
    Request quit = new Request.SendSignal(job, Signal.QUIT);
    return new Message(to, RequestEncoder.encode(QUIT_ID + quitsSent, quit));
  }

  private void send() {
    Message message = nextStep();
    if (message == null) {
      return;
    }
    try {
      message.send();
    } finally {
      synchronized (this) {
        sending--;
        notifyAll();
      }
    }
  }

  // Not after a cut: what is sent before the job is followed again would be sent twice.
  private synchronized @Nullable Message nextStep() {
    BlockingConnection to = link.current();
    if (job == null || to == null || cut || sent.compareTo(wanted) >= 0) {
      return null;
    }
    sent = wanted;
    sending++;
    return new Message(to, wanted == Step.PART ? parting(job) : interrupt(job));
  }

  /** What is to be sent over one connection, and no other: what is lost with it is asked again. */
  @SuppressWarnings("ArrayRecordComponent") // Sent, never compared.
  private record Message(BlockingConnection to, byte[] frame) {
    void send() {
      to.trySend(frame);
    }
  }

  private static byte[] interrupt(JobId job) {
    return RequestEncoder.encode(SIGNAL_ID, new Request.SendSignal(job, Signal.INT));
  }

  private byte[] parting(JobId job) {
    Request request =
        parting == Parting.CANCEL ? new Request.Cancel(job) : new Request.Detach(RunFollower.ID);
    return RequestEncoder.encode(parting.id, request);
  }
}
