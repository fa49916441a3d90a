/**
 * Makes processes: environment, user, limits, pipes, posix_spawn(3) or a program of system calls
 * for the child. Runs on spawn threads, or on the caller's.
 *
 * <p>Imports {@code model}, {@code process}, {@code process.loop}, {@code process.proc}, {@code
 * process.sys}, {@code threads}; of libraries none.
 */
@NullMarked
package dev.runnel.process.spawn;

import org.jspecify.annotations.NullMarked;
