/**
 * {@code runnel bench}: one class for each thing that is measured, and what they share. Runs on the
 * main thread and on threads of its own that last for a round.
 *
 * <p>Imports {@code cli}, {@code model}, {@code process.engine}, {@code security.identity}, {@code
 * wire}; of libraries {@code com.fasterxml.jackson.core..}.
 */
@NullMarked
package dev.runnel.bench;

import org.jspecify.annotations.NullMarked;
