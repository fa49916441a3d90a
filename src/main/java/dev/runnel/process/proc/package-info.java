/**
 * The process table: what proc(5) says of processes, and to which tree each belongs. A table is an
 * interface, so that tests have one of their own.
 *
 * <p>Imports {@code model}, {@code process.sys}; of libraries none.
 */
@NullMarked
package dev.runnel.process.proc;

import org.jspecify.annotations.NullMarked;
