package dev.runnel.examples;

import dev.runnel.api.Commands;
import dev.runnel.client.ClientOptions;
import dev.runnel.client.CommandClient;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.End;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.file.AsyncFile;
import io.vertx.core.file.OpenOptions;

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
    Future<AsyncFile> open =
        vertx.fileSystem().open(file, new OpenOptions().setTruncateExisting(true));
    return open.compose(
        to ->
            node.run(CommandSpec.shell(line))
                .compose(job -> job.pipeTo(to))
                // A sink is ended by whole output alone.
                .onFailure(_ -> to.close()));
  }
}
