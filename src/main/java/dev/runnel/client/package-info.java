/**
 * The Java client: commands on a node at the other end of a connection. Runs on the caller's
 * context.
 *
 * <p>Imports {@code api}, {@code files}, {@code model}, {@code wire}, {@code wire.vertx}; of
 * libraries {@code io.vertx.core..}.
 */
@NullMarked
package dev.runnel.client;

import org.jspecify.annotations.NullMarked;
