/**
 * PEM files to what the JDK's TLS wants, for both ends of a connection. Imports no room and no
 * library. Any thread; files are read where a caller asks for them.
 */
@NullMarked
package dev.runnel.tls;

import org.jspecify.annotations.NullMarked;
