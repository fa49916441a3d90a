package dev.runnel.cli;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Every verb there is, also those that other rooms answer: a row each, and a {@link VerbDefinition}
 * where it is. The overview, the help, the completion of shells and what is guessed of a mistyped
 * word are made of these; ClientJvmTest holds the launcher to them.
 */
public enum Verb {
  EXEC("run a command there, or here, and stream its output"),
  SSH("take ssh's command line, for git, rsync, scp and the like"),
  SHELL("a prompt: run lines there, one after the other"),
  RUN("start a command there and leave it running; prints the job's name"),
  HOSTS("list the hosts that have a name in config.yaml"),
  SERVE("be the server; runneld is the same", Jvm.LONG),
  CP("copy files and folders to a host, from it, or between two"),
  PING("ask whether a server is there, who it is and how far away"),
  JOBS("list a server's jobs"),
  NODES("list the nodes of a server's cluster"),
  STATUS("tell how a job is doing, or how it ended"),
  LOGS("print a job's output, so far or as it comes"),
  ATTACH("take a job over: its output as it comes, its exit code"),
  WAIT("wait for a job's end, and end as it did"),
  CANCEL("end a job with all its processes"),
  RM("forget jobs that have ended, with their output"),
  SIGNAL("send a signal to a job's processes"),
  BENCH("measure what commands cost here, and what they cost at least", Jvm.LONG),
  POLICY("say what a policy says to a command, and why"),
  PLAY("show a recording of what a job printed"),
  TOKEN("make a secret by which a server knows a client"),
  TEST("build Runnel and run its tests", Jvm.NONE),
  PACKAGE("build Runnel and pack it with a runtime of its own", Jvm.NONE),
  COMPLETION("print what has bash, zsh or fish complete all this"),
  HELP("show this, or the help of a verb");

  private final String word = name().toLowerCase(java.util.Locale.ROOT);
  private final String summary;
  private final Jvm jvm;

  /** What the launcher starts for a verb. */
  public enum Jvm {
    /** Nothing: it has the verb itself. */
    NONE,
    /** One that is there soon and ends soon. */
    SHORT,
    /** A daemon's. */
    LONG
  }

  Verb(String summary) {
    this(summary, Jvm.SHORT);
  }

  Verb(String summary, Jvm jvm) {
    this.summary = summary;
    this.jvm = jvm;
  }

  /** What is typed. */
  public String word() {
    return word;
  }

  public Jvm jvm() {
    return jvm;
  }

  String summary() {
    return summary;
  }

  /** The verb of that name, or null. */
  public static @Nullable Verb of(String word) {
    for (Verb verb : values()) {
      if (verb.word.equals(word)) {
        return verb;
      }
    }
    return null;
  }

  static List<String> words() {
    List<String> words = new ArrayList<>();
    for (Verb verb : values()) {
      words.add(verb.word);
    }
    return words;
  }
}
