/**
 * Handing work to other threads, so that every exception is answered and what hangs holds up
 * nothing else. Any thread.
 *
 * <p>Imports no other room; of libraries none.
 */
@NullMarked
package dev.runnel.threads;

import org.jspecify.annotations.NullMarked;
