/**
 * The audit: its entries, and the thread that writes them. Any thread; nothing blocks but the
 * writer.
 *
 * <p>Imports {@code model}; of libraries {@code io.vertx.core..}, {@code org.slf4j..}.
 */
@NullMarked
package dev.runnel.security.audit;

import org.jspecify.annotations.NullMarked;
