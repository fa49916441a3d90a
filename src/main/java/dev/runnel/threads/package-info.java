/**
 * How work is given to other threads, so that whatever is thrown is answered and what hangs holds
 * up no other. Imports nothing of ours. Any thread.
 */
@NullMarked
package dev.runnel.threads;

import org.jspecify.annotations.NullMarked;
