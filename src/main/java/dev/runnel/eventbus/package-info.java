/**
 * Commands over the event bus: the handler of requests, subscribers, the client, and the worker
 * verticles that make processes. Handlers run on a context of the node, workers on worker threads.
 *
 * <p>Imports {@code api}, {@code job}, {@code model}, {@code security.audit}, {@code
 * security.policy}, {@code service}, {@code threads}, {@code wire}; of libraries {@code
 * io.vertx.core..}, {@code org.slf4j..}.
 */
@NullMarked
package dev.runnel.eventbus;

import org.jspecify.annotations.NullMarked;
