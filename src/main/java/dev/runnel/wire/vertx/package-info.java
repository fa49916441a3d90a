/**
 * Cuts a socket's bytes into frames with Vert.x's RecordParser, in three steps. Runs on the event
 * loop of its connection.
 *
 * <p>Imports {@code model}, {@code wire}; of libraries {@code io.vertx.core}, {@code
 * io.vertx.core.buffer}, {@code io.vertx.core.parsetools}.
 */
@NullMarked
package dev.runnel.wire.vertx;

import org.jspecify.annotations.NullMarked;
