/**
 * Starts operating system processes, pumps their pipes, signals them and clears them away. Imports
 * {@code model}; foreign functions into libc and nothing else. Each class names its thread: a
 * spawner (or the caller that makes a process itself), the pump, or the sweeper.
 */
@NullMarked
package dev.runnel.process;

import org.jspecify.annotations.NullMarked;
