/**
 * Verbs off the hot path: what an operator types now and then. Imports what each needs. Runs on the
 * main thread.
 */
@NullMarked
package dev.runnel.tools;

import org.jspecify.annotations.NullMarked;
