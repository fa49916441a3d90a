package dev.runnel.service;

import dev.runnel.job.Job;
import dev.runnel.model.TraceContext;
import org.slf4j.spi.LoggingEventBuilder;

/** A line of the log about a job: whose it is, and what it is a part of, stand in it. */
public final class JobLogLine {
  private JobLogLine() {}

  /** The line with its keys, to be logged with its words. */
  public static LoggingEventBuilder about(Job job, LoggingEventBuilder line) {
    LoggingEventBuilder named =
        line.addKeyValue("job", job.id()).addKeyValue("principal", job.origin().principal());
    TraceContext trace = job.trace();
    return trace == null ? named : named.addKeyValue("trace", trace.traceId());
  }
}
