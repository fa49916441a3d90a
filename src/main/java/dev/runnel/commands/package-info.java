/**
 * The typed API by which applications run and follow commands, whichever way leads to the node: the
 * event bus or a connection. Imports {@code model}. Runs on the caller's context.
 */
@NullMarked
package dev.runnel.commands;

import org.jspecify.annotations.NullMarked;
