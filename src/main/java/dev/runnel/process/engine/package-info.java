/**
 * The engine on Linux: puts the other packages of this room together, and moves bytes through
 * pipes. Only the wiring of a node, and the bench, import it.
 *
 * <p>Imports {@code model}, {@code process}, {@code process.loop}, {@code process.proc}, {@code
 * process.spawn}, {@code process.sys}, {@code process.tree}; of libraries none.
 */
@NullMarked
package dev.runnel.process.engine;

import org.jspecify.annotations.NullMarked;
