/**
 * The worker verticle, which takes starts off the event bus and has the process room do them.
 * Imports {@code model}, {@code wire}, {@code job}, {@code security}, {@code bus} and {@code
 * threads}. Runs on worker threads; a starter makes processes on its own.
 */
@NullMarked
package dev.runnel.worker;

import org.jspecify.annotations.NullMarked;
