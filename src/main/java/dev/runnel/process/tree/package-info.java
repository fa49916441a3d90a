/**
 * The trees of processes: who is in them, and how they are ended. Decisions are made on the process
 * loop; scans of the process table run on threads of their own.
 *
 * <p>Imports {@code model}, {@code process}, {@code process.loop}, {@code process.proc}, {@code
 * process.spawn}, {@code process.sys}; of libraries none.
 */
@NullMarked
package dev.runnel.process.tree;

import org.jspecify.annotations.NullMarked;
