/**
 * A daemon: the wiring of a node out of the other rooms, files that are watched, an orderly end.
 * Runs on the main thread.
 *
 * <p>Imports {@code cli}, {@code cluster}, {@code eventbus}, {@code files}, {@code http}, {@code
 * job}, {@code metrics}, {@code model}, {@code process}, {@code process.engine}, {@code record},
 * {@code security}, {@code security.audit}, {@code security.identity}, {@code security.policy},
 * {@code server}, {@code server.seed}, {@code service}, {@code settings}, {@code tls}, {@code
 * wire.vertx}; of libraries {@code ch.qos.logback..}, {@code io.micrometer..}, {@code
 * io.vertx.core..}, {@code org.slf4j..}.
 */
@NullMarked
package dev.runnel.daemon;

import org.jspecify.annotations.NullMarked;
