package dev.runnel.http;

import java.util.function.UnaryOperator;

/**
 * The metrics of a node, as text.
 *
 * @param isOpen whether whoever reaches the listener may read them
 * @param scrape makes the text of a content type; may be called on any thread that may block
 */
public record MetricsPage(boolean isOpen, UnaryOperator<String> scrape) {
  static final String TEXT = "text/plain; version=0.0.4; charset=utf-8";
  static final String OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8";
}
