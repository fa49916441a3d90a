/**
 * The process loop: one thread around one epoll instance, with its timers and tasks.
 *
 * <p>Imports {@code process}, {@code process.sys}; of libraries none.
 */
@NullMarked
package dev.runnel.process.loop;

import org.jspecify.annotations.NullMarked;
