package dev.runnel.cli;

import dev.runnel.model.CommandSpec;
import dev.runnel.model.Event;
import dev.runnel.model.JobSpec;
import dev.runnel.model.Request;
import dev.runnel.model.Signal;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Runs commands one after the other over one connection, each as {@code exec} would; a connection
 * that was lost is made anew for the next. For one thread, but for {@link #interrupt} and {@link
 * #close}.
 */
public final class ShellSession implements AutoCloseable {
  private static final int PATIENT_INTERRUPTS = 2;

  private final CliContext surroundings;
  private final Target target;

  private @Nullable Host host;
  private @Nullable BlockingConnection connection;
  private boolean outputGone;
  private boolean outputLost;
  private volatile boolean leaving;

  /** Guarded by this: other threads interrupt and close. */
  private @Nullable EmbeddedServer server;

  private @Nullable JobControl running;
  private int interrupts;

  ShellSession(CliContext surroundings, Target target) {
    this.surroundings = surroundings;
    this.target = target;
  }

  /** Connects for the first time, with the patience that was asked for. */
  void open() throws Failure {
    BlockingConnection first = find();
    host = first.host();
    greet(first);
  }

  /** The server, as people name it, and by its address if that is something else. */
  public String host() {
    String address = host == null ? "" : host.name();
    String given = target.named();
    return given == null ? address : given + " (" + address + ")";
  }

  /** The server in a word, for a prompt. */
  public String label() {
    String given = target.named();
    return given != null
        ? given
        : host instanceof Host.Tcp ? host() : server == null ? "local" : "here";
  }

  /** Whether somebody types what is run. */
  public boolean isInteractive() {
    return surroundings.input() == CliContext.Input.TERMINAL;
  }

  /** Whether our stdout takes no more; what runs from now on runs for nobody. */
  public boolean isOutputGone() {
    return outputGone;
  }

  /** Whether some output of a command, or of ours, could not be written. */
  public boolean isOutputLost() {
    return outputLost;
  }

  /** Blocks until the command ended. Its output goes to our stdout and stderr as it comes. */
  public CommandOutcome run(CommandSpec command) {
    return run(command, surroundings);
  }

  /** The same, with its stdout going there. */
  public CommandOutcome run(CommandSpec command, WritableByteChannel stdout) {
    return run(command, surroundings.withOut(new OutputDescriptor("a buffer", -1, stdout)));
  }

  /** Prints text on our stdout. */
  public void print(String text) {
    try {
      surroundings.out().print(text);
    } catch (Failure e) {
      fail(e);
    }
  }

  /** Prints a line on our stderr that says it is ours. */
  public void tell(String line) {
    surroundings.err().tryPrintLine(line);
  }

  /**
   * Ctrl-C, from any thread. The first goes to the command, the second cancels it, the third waits
   * for nothing any more. While no command runs it does nothing.
   */
  public void interrupt() {
    JobControl job;
    BlockingConnection stuck;
    synchronized (this) {
      interrupts++;
      job = running;
      stuck = interrupts > PATIENT_INTERRUPTS ? connection : null;
    }
    if (job != null && stuck != null) {
      stuck.close();
    } else if (job != null) {
      job.interrupt();
    }
  }

  /**
   * SIGQUIT, from any thread: goes to the command, each of them. While none runs it ends a script,
   * as it would a shell, and does nothing to a prompt.
   */
  void quit() {
    JobControl job;
    synchronized (this) {
      job = running;
    }
    if (job != null) {
      job.quit();
    } else if (!isInteractive()) {
      System.exit(ExecResult.ofSignal(Signal.QUIT).exitCode());
    }
  }

  private CommandOutcome run(CommandSpec command, CliContext where) {
    try {
      FirstRequests opening = FirstRequests.run(null, new Request.Run(null, JobSpec.of(command)));
      ByteBuffer[] frames = opening.frames();
      return follow(connected(), opening, frames, where);
    } catch (IllegalArgumentException e) {
      return fail(Failure.of(String.valueOf(e.getMessage())));
    } catch (Failure e) {
      awaitExitIfLeaving();
      // Whatever is still under way belongs to nobody.
      disconnect();
      return fail(e);
    }
  }

  private CommandOutcome follow(
      BlockingConnection there, FirstRequests opening, ByteBuffer[] frames, CliContext where)
      throws Failure {
    CurrentConnection link = new CurrentConnection(there);
    JobControl job = new JobControl(link, JobControl.Parting.CANCEL, null);
    begin(job);
    try {
      send(there, frames);
      RunFollower follower = new RunFollower(where, link, job, opening, null);
      Event.Ended ended = follower.follow();
      ExecResult verdict = ExecResult.of(ended, follower.loss(), job, opening.command());
      outputLost |= follower.loss() != null;
      conclude(verdict);
      return new CommandOutcome(verdict.exitCode(), ended.end());
    } catch (Failure e) {
      job.part();
      link.part();
      throw e;
    } finally {
      begin(null);
    }
  }

  private synchronized void begin(@Nullable JobControl job) {
    running = job;
    interrupts = 0;
  }

  private static void send(BlockingConnection there, ByteBuffer[] frames) {
    try {
      there.send(frames);
    } catch (IOException _) {
      // A server that closes says why before it does: whoever reads the connection tells.
    }
  }

  private void conclude(ExecResult verdict) {
    new ExitReporter(surroundings.err()).tell(verdict);
  }

  private CommandOutcome fail(Failure failure) {
    outputGone |= failure.exitCode() == Failure.STDOUT_GONE;
    outputLost |= failure.isOfOutput();
    if (!outputGone) {
      tell(failure.line());
    }
    return new CommandOutcome(failure.exitCode(), null);
  }

  private BlockingConnection connected() throws Failure {
    BlockingConnection kept = connection;
    if (kept != null && kept.isOpen()) {
      return kept;
    }
    if (kept != null) {
      tell("connection to " + host() + " was lost; connecting again");
      disconnect();
    }
    Host again = host;
    if (again == null) {
      throw Failure.of("not connected");
    }
    BlockingConnection anew = Connector.connectOnce(again, target);
    greet(anew);
    return anew;
  }

  private BlockingConnection find() throws Failure {
    if (target.host() != null) {
      return Connector.connect(target.host(), target);
    }
    BlockingConnection there = DefaultServer.tryConnect(surroundings.env(), target);
    return there != null ? there : Connector.connectOnce(startServer().awaitListening(), target);
  }

  private synchronized EmbeddedServer startServer() throws Failure {
    EmbeddedServer started = EmbeddedServer.start(null);
    server = started;
    return started;
  }

  private void greet(BlockingConnection there) throws Failure {
    try {
      var _ = RequestClient.greet(there, target.hello(), target.connectTimeout());
      keep(there);
    } catch (Failure e) {
      there.close();
      throw e;
    }
  }

  private synchronized void keep(@Nullable BlockingConnection there) {
    connection = there;
  }

  private void disconnect() {
    BlockingConnection lost = connection;
    if (lost != null) {
      lost.close();
      keep(null);
    }
  }

  /** A signal ends this process: closes, from the JVM's thread, and has nothing run any more. */
  void leave() {
    leaving = true;
    close();
  }

  // Returning would have a script's next line run, or the process end with a code of its own.
  private void awaitExitIfLeaving() {
    while (leaving) {
      LockSupport.park();
    }
  }

  /** Ends what runs with its connection, and a server of our own. */
  @Override
  public void close() {
    BlockingConnection open;
    EmbeddedServer started;
    synchronized (this) {
      open = connection;
      started = server;
      server = null;
    }
    if (open != null) {
      open.close();
    }
    if (started != null) {
      started.close();
    }
  }
}
