/**
 * System calls and functions of the C library. Any thread.
 *
 * <p>Imports {@code model}; of libraries none.
 */
@NullMarked
package dev.runnel.process.sys;

import org.jspecify.annotations.NullMarked;
