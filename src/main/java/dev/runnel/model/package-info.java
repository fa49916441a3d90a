/**
 * The vocabulary: what a command is, how a job ends, what clients ask and what they are told.
 * Immutable, any thread. Imports nothing of ours and no library.
 */
@NullMarked
package dev.runnel.model;

import org.jspecify.annotations.NullMarked;
