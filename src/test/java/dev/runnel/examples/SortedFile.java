package dev.runnel.examples;

import dev.runnel.RunnelVerticle;
import dev.runnel.eventbus.CommandBus;
import dev.runnel.model.CommandSpec;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import io.vertx.core.Vertx;
import io.vertx.core.file.AsyncFile;
import io.vertx.core.file.OpenOptions;

/**
 * Sorts a file, however large, with sort(1): file to stdin, stdout to file, at the slower's pace.
 */
public final class SortedFile extends VerticleBase {
  private final String from;
  private final String to;

  SortedFile(String from, String to) {
    this.from = from;
    this.to = to;
  }

  public static void main(String[] arguments) {
    Vertx vertx = Vertx.vertx();
    vertx
        .deployVerticle(new RunnelVerticle())
        .compose(_ -> vertx.deployVerticle(new SortedFile(arguments[0], arguments[1])))
        .onComplete(
            done -> {
              System.out.println(done.succeeded() ? "sorted" : "failed: " + done.cause());
              vertx.close();
            });
  }

  @Override
  public Future<?> start() {
    CommandSpec sort =
        CommandSpec.of("sort").withEnv("LC_ALL", "C").withStdin(CommandSpec.Stdin.PIPE);
    Future<AsyncFile> source = open(from, new OpenOptions());
    Future<AsyncFile> sink = open(to, new OpenOptions().setTruncateExisting(true));
    return Future.all(source, sink)
        .compose(_ -> CommandBus.of(vertx).run(sort))
        .compose(
            job ->
                Future.all(job.input(source.result()), job.pipeTo(sink.result()), job.checked()));
  }

  private Future<AsyncFile> open(String path, OpenOptions options) {
    return vertx.fileSystem().open(path, options);
  }
}
