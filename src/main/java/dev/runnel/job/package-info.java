/**
 * A job, its log, its followers, and the registry of all jobs; what each may use. Each class names
 * its thread.
 *
 * <p>Imports {@code model}, {@code process}, {@code spool}, {@code threads}; of libraries none.
 */
@NullMarked
package dev.runnel.job;

import org.jspecify.annotations.NullMarked;
