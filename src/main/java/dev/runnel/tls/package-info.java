/**
 * PEM files to contexts of the JDK's TLS, for both ends of a connection. Any thread; files are read
 * where a caller asks for them.
 *
 * <p>Imports no other room; of libraries none.
 */
@NullMarked
package dev.runnel.tls;

import org.jspecify.annotations.NullMarked;
