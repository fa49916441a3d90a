package dev.runnel.daemon;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.JsonEncoder;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.util.LogbackMDCAdapter;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.encoder.Encoder;
import dev.runnel.settings.Settings.LogFormat;
import dev.runnel.settings.Settings.LogLevel;
import org.slf4j.ILoggerFactory;
import org.slf4j.IMarkerFactory;
import org.slf4j.LoggerFactory;
import org.slf4j.helpers.BasicMarkerFactory;
import org.slf4j.spi.MDCAdapter;
import org.slf4j.spi.SLF4JServiceProvider;

/**
 * Our program's own log, to stderr, by Logback without its files of settings. SLF4J is told of it
 * by a property: an application that Runnel is a library of keeps its own.
 */
public final class LogProvider implements SLF4JServiceProvider {
  private static final String PATTERN =
      "%d{yyyy-MM-dd'T'HH:mm:ss.SSSXXX} %level %logger{0} - %msg%replace( %kvp{NONE}){'^ $',''}%n";
  private static final String API = "2.0.99";

  private static volatile LogFormat format = LogFormat.TEXT;
  private static volatile LogLevel level = LogLevel.INFO;

  private final LoggerContext context = new LoggerContext();
  private final IMarkerFactory markers = new BasicMarkerFactory();
  private final LogbackMDCAdapter diagnostics = new LogbackMDCAdapter();

  /** How all is logged from now on. Before the first logger is made. */
  static void configure(LogFormat wanted, LogLevel least) {
    format = wanted;
    level = least;
  }

  /** From the level of the settings to debug, or back; our own lines only. Any thread. */
  static synchronized void toggle() {
    if (LoggerFactory.getILoggerFactory() instanceof LoggerContext logs) {
      Logger ours = logs.getLogger("dev.runnel");
      Level usual = Level.valueOf(level.name());
      Level next = ours.getEffectiveLevel().equals(usual) ? Level.DEBUG : usual;
      ours.setLevel(next);
      logs.getLogger(LogProvider.class).warn("log level={}", next);
    }
  }

  @Override
  public void initialize() {
    context.setName("runnel");
    context.setMDCAdapter(diagnostics);
    Encoder<ILoggingEvent> encoder = format == LogFormat.JSON ? json() : text();
    encoder.setContext(context);
    encoder.start();
    ConsoleAppender<ILoggingEvent> appender = new ConsoleAppender<>();
    appender.setContext(context);
    appender.setTarget("System.err");
    appender.setEncoder(encoder);
    appender.start();
    Logger root = context.getLogger(Logger.ROOT_LOGGER_NAME);
    root.setLevel(Level.valueOf(level.name()));
    root.addAppender(appender);
    // The node logs who comes and goes; the rest is for who looks for a mistake.
    context
        .getLogger("com.hazelcast")
        .setLevel(level == LogLevel.DEBUG ? Level.DEBUG : Level.ERROR);
    context.start();
  }

  private static Encoder<ILoggingEvent> text() {
    PatternLayoutEncoder text = new PatternLayoutEncoder();
    text.setPattern(PATTERN);
    return text;
  }

  private static Encoder<ILoggingEvent> json() {
    JsonEncoder json = new JsonEncoder();
    json.setWithSequenceNumber(false);
    json.setWithNanoseconds(false);
    json.setWithContext(false);
    json.setWithMarkers(false);
    json.setWithMDC(false);
    json.setWithMessage(false);
    json.setWithArguments(false);
    json.setWithFormattedMessage(true);
    return json;
  }

  @Override
  public ILoggerFactory getLoggerFactory() {
    return context;
  }

  @Override
  public IMarkerFactory getMarkerFactory() {
    return markers;
  }

  @Override
  public MDCAdapter getMDCAdapter() {
    return diagnostics;
  }

  @Override
  public String getRequestedApiVersion() {
    return API;
  }
}
