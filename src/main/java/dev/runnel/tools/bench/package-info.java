/**
 * {@code runnel bench}: one class for each thing that is measured, and what they share. Runs on the
 * main thread and on threads of its own that last for a round.
 */
@NullMarked
package dev.runnel.tools.bench;

import org.jspecify.annotations.NullMarked;
