/**
 * The program, and Runnel as a verticle of an application. Puts the other rooms together. Runs on
 * the main thread, or on the context that deploys it.
 *
 * <p>Imports {@code bench}, {@code cli}, {@code daemon}, {@code fanout}, {@code model}, {@code
 * process.engine}, {@code security.policy}, {@code server}, {@code settings}, {@code tools}; of
 * libraries {@code io.vertx.core..}.
 */
@NullMarked
package dev.runnel;

import org.jspecify.annotations.NullMarked;
