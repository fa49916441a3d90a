/**
 * The vocabulary: what a command is, how a job ends, what clients ask and what they are answered.
 * Immutable. Any thread.
 *
 * <p>Imports no other room; of libraries none.
 */
@NullMarked
package dev.runnel.model;

import org.jspecify.annotations.NullMarked;
