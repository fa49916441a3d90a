/**
 * What other rooms may import of processes: the engine that starts them, a process, its listener.
 * The packages below implement it, by system calls. Everything about a process happens on one
 * thread, the process loop.
 *
 * <p>Imports {@code model}, {@code process.proc}, {@code process.sys}; of libraries none.
 */
@NullMarked
package dev.runnel.process;

import org.jspecify.annotations.NullMarked;
