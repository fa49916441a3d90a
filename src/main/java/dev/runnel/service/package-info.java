/**
 * The job service: checks each request against identity, policy and quotas, whatever way it came,
 * and hands starts to worker verticles. Runs on the caller's context.
 *
 * <p>Imports {@code job}, {@code model}, {@code security}, {@code security.audit}, {@code
 * security.policy}, {@code security.quota}, {@code threads}; of libraries {@code io.vertx.core..},
 * {@code org.slf4j..}.
 */
@NullMarked
package dev.runnel.service;

import org.jspecify.annotations.NullMarked;
