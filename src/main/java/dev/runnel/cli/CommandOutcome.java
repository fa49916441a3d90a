package dev.runnel.cli;

import dev.runnel.model.End;
import org.jspecify.annotations.Nullable;

/**
 * How a command went; whatever there was to complain of is on stderr already.
 *
 * @param exitCode as of {@code exec}
 * @param end the job's end; null: none came
 */
public record CommandOutcome(int exitCode, @Nullable End end) {}
