/**
 * The worker verticle, which takes starts off the event bus and has the process room do them.
 * Imports {@code model}, {@code wire}, {@code job}, {@code security} and {@code bus}. Runs on
 * worker threads, and blocks none of them.
 */
@NullMarked
package dev.runnel.worker;

import org.jspecify.annotations.NullMarked;
