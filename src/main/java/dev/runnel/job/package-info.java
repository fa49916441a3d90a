/**
 * A job, its log, its followers, and the registry that knows them all; what each may use. Imports
 * {@code model} and {@code process}. Each class names its thread.
 */
@NullMarked
package dev.runnel.job;

import org.jspecify.annotations.NullMarked;
