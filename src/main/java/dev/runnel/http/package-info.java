/**
 * The HTTP listener of a node: is it alive, is it ready, what are its metrics; and frames, over
 * WebSockets. No class of it is loaded by a daemon without one. Everything of a connection runs on
 * its event loop; a disk is asked on a thread of its own.
 *
 * <p>Imports {@code model}, {@code server}, {@code threads}, {@code tls}, {@code wire}; of
 * libraries {@code io.netty.buffer}, {@code io.netty.channel..}, {@code io.netty.handler.ssl},
 * {@code io.netty.handler.timeout}, {@code io.netty.util}, {@code io.vertx.core..}, {@code
 * io.vertx.ext.healthchecks}, {@code org.slf4j..}.
 */
@NullMarked
package dev.runnel.http;

import org.jspecify.annotations.NullMarked;
