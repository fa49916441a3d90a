/**
 * Recordings of what jobs print, as asciicast files, written by threads of their own, which read
 * logs as a watcher does. Each class names its thread.
 *
 * <p>Imports {@code files}, {@code job}, {@code model}, {@code security.audit}, {@code
 * security.policy}, {@code service}, {@code threads}; of libraries {@code org.slf4j..}.
 */
@NullMarked
package dev.runnel.record;

import org.jspecify.annotations.NullMarked;
