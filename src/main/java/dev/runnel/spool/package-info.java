/**
 * Jobs on disk: the file of each, the folder of all, and what is found there after a restart.
 * Imports {@code model}, {@code wire} and {@code files}. Everything here blocks on files: never on
 * the pump or an event loop.
 */
@NullMarked
package dev.runnel.spool;

import org.jspecify.annotations.NullMarked;
