/**
 * The typed API by which applications run and follow commands, over the event bus or a connection.
 * Runs on the caller's context.
 *
 * <p>Imports {@code model}; of libraries {@code io.vertx.core..}, {@code org.slf4j..}.
 */
@NullMarked
package dev.runnel.api;

import org.jspecify.annotations.NullMarked;
