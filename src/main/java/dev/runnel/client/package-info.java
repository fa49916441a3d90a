/**
 * The Java client: commands on a node at the other end of a connection, as {@code commands} has
 * them. Imports {@code model}, {@code wire}, {@code wire.vertx}, {@code commands} and {@code
 * files}. Runs on the caller's context.
 */
@NullMarked
package dev.runnel.client;

import org.jspecify.annotations.NullMarked;
