package dev.runnel.model;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A job at one moment. PROTOCOL.md, "Answers", {@code status}.
 *
 * @param command at most 256 characters
 * @param pid null: there is none yet, or never was
 * @param retainBytes how much its log holds, which no window may exceed; null: the server did not
 *     say
 * @param terminalSize null: it has no terminal, or the server did not say
 */
public record JobStatus(
    JobId job,
    JobState state,
    String principal,
    String command,
    Labels labels,
    @Nullable Integer pid,
    long outputBytes,
    int followers,
    @Nullable Long retainBytes,
    @Nullable TerminalSize terminalSize,
    @Nullable Instant startedAt,
    @Nullable End end) {}
