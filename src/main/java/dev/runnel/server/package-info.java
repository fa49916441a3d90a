/**
 * Connections: bytes to requests, requests to jobs, and their logs to frames. Everything of a
 * connection runs on its event loop.
 *
 * <p>Imports {@code files}, {@code job}, {@code model}, {@code security}, {@code security.audit},
 * {@code security.identity}, {@code security.quota}, {@code service}, {@code tls}, {@code wire},
 * {@code wire.vertx}; of libraries {@code io.netty.buffer}, {@code io.netty.channel..}, {@code
 * io.netty.handler.ssl}, {@code io.netty.util.concurrent}, {@code io.vertx.core..}, {@code
 * org.slf4j..}.
 */
@NullMarked
package dev.runnel.server;

import org.jspecify.annotations.NullMarked;
