package dev.runnel.examples;

import dev.runnel.api.Commands;
import dev.runnel.api.JobHandle;
import dev.runnel.client.ClientOptions;
import dev.runnel.client.CommandClient;
import dev.runnel.model.Argument;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.End;
import dev.runnel.model.JobSpec;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.file.AsyncFile;
import io.vertx.core.file.OpenOptions;
import java.util.Map;

/** Runs a shell line on another machine, and keeps what it writes in a file here. */
public final class KeptLog {
  private final Vertx vertx;
  private final Commands node;

  KeptLog(Vertx vertx, Commands node) {
    this.vertx = vertx;
    this.node = node;
  }

  public static void main(String[] arguments) {
    Vertx vertx = Vertx.vertx();
    ClientOptions there =
        ClientOptions.tcp(arguments[0], Integer.parseInt(arguments[1]))
            .withToken(System.getenv("RUNNEL_TOKEN"));
    new KeptLog(vertx, CommandClient.of(vertx, there))
        .keep(arguments[2], arguments[3])
        .onComplete(
            ended -> {
              System.out.println(ended.succeeded() ? ended.result() : "failed: " + ended.cause());
              vertx.close();
            });
  }

  /** Done when the job has ended and the file has all of it. */
  Future<End> keep(String line, String file) {
    CommandSpec command =
        new CommandSpec(
            CommandSpec.shell(Argument.of(line)),
            null,
            Map.of(),
            CommandSpec.Stderr.MERGED,
            CommandSpec.Stdin.NULL);
    Future<AsyncFile> open =
        vertx.fileSystem().open(file, new OpenOptions().setTruncateExisting(true));
    return open.compose(to -> node.run(JobSpec.of(command)).compose(job -> keep(job, to)));
  }

  private static Future<End> keep(JobHandle job, AsyncFile to) {
    Future<Void> written = job.stdout().pipeTo(to);
    return Future.all(written, job.end()).map(_ -> job.end().result());
  }
}
