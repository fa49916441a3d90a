/**
 * The seed listener, for clients of the original Python example: a read is a shell line, an answer
 * is one frame with all of its output. PROTOCOL.md, "The seed listener". Everything of a connection
 * runs on its event loop.
 *
 * <p>Imports {@code job}, {@code model}, {@code server}, {@code service}; of libraries {@code
 * io.vertx.core..}, {@code org.slf4j..}.
 */
@NullMarked
package dev.runnel.server.seed;

import org.jspecify.annotations.NullMarked;
