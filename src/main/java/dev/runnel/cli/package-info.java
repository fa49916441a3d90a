/**
 * The command line: arguments, connections, {@code exec} and the verbs that ask. Plain blocking
 * channels; a start of it takes milliseconds, so it imports {@code model} and {@code wire} and no
 * library of its own. Runs on the main thread, beside it one for stdin and those of the JVM that
 * bring signals.
 */
@NullMarked
package dev.runnel.cli;

import org.jspecify.annotations.NullMarked;
