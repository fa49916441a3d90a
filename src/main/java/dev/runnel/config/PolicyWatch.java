package dev.runnel.config;

import dev.runnel.security.Guard;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Has a policy followed as its file changes; one that can't be read leaves the last one in force.
 * It looks every two seconds, off the event loop, one look after the other.
 */
final class PolicyWatch {
  private static final Logger LOG = LoggerFactory.getLogger(PolicyWatch.class);
  private static final Duration EVERY = Duration.ofSeconds(2);

  private final Path file;
  private final Guard guard;
  private String seen;

  private PolicyWatch(Path file, Guard guard) {
    this.file = file;
    this.guard = guard;
    this.seen = mark(file);
  }

  /** Reads the file for the first time; blocks. */
  static PolicyWatch open(Path file, Guard guard) throws SettingsException {
    // Marked before it is read: what changes in between is seen by the next look.
    PolicyWatch watch = new PolicyWatch(file, guard);
    guard.adopt(PolicyFile.read(file));
    return watch;
  }

  /** Looks again and again, until the Vertx is closed. */
  void begin(Vertx vertx) {
    vertx.setTimer(
        EVERY.toMillis(), _ -> vertx.executeBlocking(this::look).onComplete(_ -> begin(vertx)));
  }

  private boolean look() {
    String now = mark(file);
    if (now.equals(seen)) {
      return false;
    }
    seen = now;
    try {
      guard.adopt(PolicyFile.read(file));
      LOG.info("policy read file={}", file);
      return true;
    } catch (SettingsException e) {
      LOG.error("policy not read, the last one stays in force cause={}", e.getMessage());
      return false;
    }
  }

  // A mounted ConfigMap changes its links, an editor the file: both change what is found here.
  private static String mark(Path file) {
    try {
      BasicFileAttributes found = Files.readAttributes(file, BasicFileAttributes.class);
      return found.fileKey() + " " + found.lastModifiedTime() + " " + found.size();
    } catch (IOException e) {
      return e.toString();
    }
  }
}
