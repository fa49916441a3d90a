/**
 * Settings, and the wiring of a daemon out of all rooms. Imports every room; of libraries Jackson's
 * YAML. Runs on the main thread.
 */
@NullMarked
package dev.runnel.config;

import org.jspecify.annotations.NullMarked;
