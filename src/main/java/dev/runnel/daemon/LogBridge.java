package dev.runnel.daemon;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogManager;
import java.util.logging.LogRecord;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Has what rooms without a logger of ours, and the JDK, tell the system's logger stand in the log
 * like all else. The JDK makes one when it is first told something, and not before.
 */
public final class LogBridge extends Handler {
  /** Read by the JDK's {@link LogManager}. */
  static final String PROPERTY = "java.util.logging.config.class";

  /** What the JDK makes of that property: configures its logging. */
  public static final class Configuration {
    public Configuration() throws IOException {
      String text = "handlers=" + LogBridge.class.getName() + "\n.level=INFO\n";
      LogManager.getLogManager()
          .readConfiguration(new ByteArrayInputStream(text.getBytes(StandardCharsets.ISO_8859_1)));
    }
  }

  @Override
  public void publish(LogRecord record) {
    Logger log = LoggerFactory.getLogger(String.valueOf(record.getLoggerName()));
    int level = record.getLevel().intValue();
    String text = String.valueOf(record.getMessage());
    if (level >= Level.SEVERE.intValue()) {
      log.error(text, record.getThrown());
    } else if (level >= Level.WARNING.intValue()) {
      log.warn(text, record.getThrown());
    } else {
      log.info(text, record.getThrown());
    }
  }

  @Override
  public void flush() {}

  @Override
  public void close() {}
}
