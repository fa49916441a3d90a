/**
 * Connections: bytes to requests, requests to jobs, and their logs to frames. Imports {@code
 * model}, {@code wire}, {@code job}, {@code security} and {@code bus}. Everything of a connection
 * runs on its event loop.
 */
@NullMarked
package dev.runnel.server;

import org.jspecify.annotations.NullMarked;
