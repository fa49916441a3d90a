/**
 * The HTTP listener of a node, for those who look after it: is it alive, is it ready, and what are
 * its metrics. No class of it is loaded by a daemon without one. Everything of a connection runs on
 * its event loop; a disk is asked on a thread of its own.
 *
 * <p>Imports {@code model}, {@code server}, {@code service}, {@code threads}, {@code tls}, {@code
 * wire}; of libraries {@code io.netty.buffer}, {@code io.netty.channel..}, {@code
 * io.netty.handler.ssl}, {@code io.vertx.core..}, {@code io.vertx.ext.healthchecks}, {@code
 * org.slf4j..}.
 */
@NullMarked
package dev.runnel.http;

import org.jspecify.annotations.NullMarked;
