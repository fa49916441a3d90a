/**
 * Recordings of what jobs print, as asciicast files: written by one thread for all of them, which
 * reads logs as a watcher does. Imports {@code model}, {@code files}, {@code job}, {@code security}
 * and {@code bus}. Each class names its thread.
 */
@NullMarked
package dev.runnel.record;

import org.jspecify.annotations.NullMarked;
