/**
 * Cuts a socket's bytes into frames with Vert.x's RecordParser, in three steps. Imports {@code
 * model} and {@code wire}. Runs on the event loop of its connection.
 */
@NullMarked
package dev.runnel.wire.vertx;

import org.jspecify.annotations.NullMarked;
