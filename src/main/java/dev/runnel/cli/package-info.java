/**
 * The command line: arguments, connections, {@code exec} and the verbs that ask. Plain blocking
 * channels. Runs on the main thread, beside it one for stdin and those of the JVM that bring
 * signals.
 *
 * <p>Imports {@code copy}, {@code files}, {@code model}, {@code tls}, {@code wire}; of libraries
 * {@code sun.misc}.
 *
 * <p>On exec's path there are no pattern switches, no regular expressions and no formats: each kind
 * costs every start milliseconds, even out of an AOT cache.
 */
@NullMarked
package dev.runnel.cli;

import org.jspecify.annotations.NullMarked;
