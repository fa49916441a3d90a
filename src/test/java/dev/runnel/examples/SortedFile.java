package dev.runnel.examples;

import dev.runnel.RunnelVerticle;
import dev.runnel.api.JobHandle;
import dev.runnel.eventbus.CommandBus;
import dev.runnel.model.Argument;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.JobSpec;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import io.vertx.core.Vertx;
import io.vertx.core.file.AsyncFile;
import io.vertx.core.file.OpenOptions;
import java.util.List;
import java.util.Map;

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
        new CommandSpec(
            List.of(Argument.of("sort")),
            null,
            Map.of("LC_ALL", "C"),
            CommandSpec.Stderr.MERGED,
            CommandSpec.Stdin.PIPE);
    return CommandBus.of(vertx).run(JobSpec.of(sort)).compose(this::sort);
  }

  private Future<?> sort(JobHandle job) {
    Future<?> read = open(from, new OpenOptions()).compose(file -> file.pipeTo(job.stdin()));
    Future<?> written =
        open(to, new OpenOptions().setTruncateExisting(true))
            .compose(file -> job.stdout().pipeTo(file));
    return Future.all(read, written, job.end().map(SortedFile::checkExit));
  }

  private Future<AsyncFile> open(String path, OpenOptions options) {
    return vertx.fileSystem().open(path, options);
  }

  private static Void checkExit(dev.runnel.model.End end) {
    if (!new ExitStatus.Exited(0).equals(end.status())) {
      throw new IllegalStateException("sort: " + end);
    }
    return null;
  }
}
