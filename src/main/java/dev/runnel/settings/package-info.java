/**
 * Settings of a daemon: command line, environment and YAML files, read and checked. Runs on the
 * main thread, and where files are read again.
 *
 * <p>Imports {@code cli}, {@code cluster}, {@code files}, {@code job}, {@code model}, {@code
 * process}, {@code record}, {@code security.audit}, {@code security.identity}, {@code
 * security.policy}, {@code security.quota}, {@code server}, {@code spool}, {@code tls}; of
 * libraries {@code org.slf4j..}, {@code org.yaml.snakeyaml..}.
 */
@NullMarked
package dev.runnel.settings;

import org.jspecify.annotations.NullMarked;
