package dev.runnel.tls;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.util.concurrent.locks.ReentrantLock;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult;
import javax.net.ssl.SSLEngineResult.HandshakeStatus;
import javax.net.ssl.SSLEngineResult.Status;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;

/**
 * TLS over a blocking socket: one thread reads, one at a time writes. Many records are taken from
 * the socket at once, and opened where they stand: the JDK's own SSLSocket asks the system twice
 * for each record, and copies it twice more. The socket stays the caller's to close.
 */
public final class SecureSocket {
  private static final int READ_BYTES = 256 * 1024;
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

  private final SSLEngine engine;
  private final InputStream in;
  private final OutputStream out;

  // The reader's. What was read and is still closed, and what was opened and did not fit.
  private ByteBuffer records = ByteBuffer.allocate(READ_BYTES).limit(0);
  private final ByteBuffer opened;

  // Also a reader writes, when TLS itself has something to say.
  private final ReentrantLock writing = new ReentrantLock();
  private final ByteBuffer sealed;

  /** Shakes hands, which blocks; the socket's timeout bounds each of its reads. */
  SecureSocket(SSLEngine engine, Socket socket) throws IOException {
    this.engine = engine;
    this.in = socket.getInputStream();
    this.out = socket.getOutputStream();
    this.opened = ByteBuffer.allocate(engine.getSession().getApplicationBufferSize()).limit(0);
    this.sealed = ByteBuffer.allocate(engine.getSession().getPacketBufferSize());
    engine.beginHandshake();
    try {
      shakeHands();
    } catch (SSLException e) {
      sayWhy();
      throw e;
    }
  }

  /** What was agreed on, and with whom. */
  public String described() {
    SSLSession session = engine.getSession();
    String cover = session.getProtocol() + " " + session.getCipherSuite();
    try {
      Certificate shown = session.getPeerCertificates()[0];
      return !(shown instanceof X509Certificate certificate)
          ? cover
          : cover
              + ", certificate of "
              + certificate.getSubjectX500Principal()
              + " by "
              + certificate.getIssuerX500Principal()
              + " until "
              + certificate.getNotAfter().toInstant();
    } catch (SSLPeerUnverifiedException _) {
      return cover;
    }
  }

  private void shakeHands() throws IOException {
    HandshakeStatus status = engine.getHandshakeStatus();
    while (status != HandshakeStatus.NOT_HANDSHAKING) {
      switch (status) {
        case NEED_WRAP -> flush();
        case NEED_TASK -> engine.getDelegatedTask().run();
        default -> readOpened();
      }
      status = engine.getHandshakeStatus();
    }
  }

  // The peer is told, if it can be, why it is not trusted.
  private void sayWhy() {
    try {
      flush();
    } catch (IOException _) {
      // What went wrong first is what counts.
    }
  }

  /**
   * Reads at least a byte, and as many as have come; blocks until there is one.
   *
   * @return -1: the peer said that there is nothing more
   * @throws EOFException if the connection ended without that
   */
  public int read(ByteBuffer into) throws IOException {
    int start = into.position();
    while (into.hasRemaining() && !takeOpened(into)) {
      Status status = open(into);
      if (status == Status.CLOSED) {
        return -1;
      }
      if (into.position() > start) {
        openMore(into);
        break;
      }
      if (status == Status.BUFFER_UNDERFLOW) {
        fill();
      } else if (status == Status.BUFFER_OVERFLOW) {
        readOpened();
      }
    }
    return into.position() - start;
  }

  /** Whether something was read that nobody has taken yet. */
  public boolean hasOpened() throws IOException {
    if (!opened.hasRemaining() && records.hasRemaining()) {
      open(opened.clear());
      opened.flip();
    }
    return opened.hasRemaining();
  }

  private boolean takeOpened(ByteBuffer into) {
    int length = Math.min(opened.remaining(), into.remaining());
    into.put(into.position(), opened, opened.position(), length);
    into.position(into.position() + length);
    opened.position(opened.position() + length);
    return length > 0;
  }

  // As long as whole records are there, and room.
  private void openMore(ByteBuffer into) throws IOException {
    while (open(into) == Status.OK) {
      // The next one.
    }
  }

  private void readOpened() throws IOException {
    Status status = open(opened.clear());
    opened.flip();
    if (status == Status.BUFFER_UNDERFLOW) {
      fill();
    } else if (status == Status.CLOSED) {
      throw new EOFException("the peer ended TLS");
    }
  }

  private Status open(ByteBuffer into) throws IOException {
    SSLEngineResult result = engine.unwrap(records, into);
    if (result.getHandshakeStatus() == HandshakeStatus.NEED_TASK) {
      engine.getDelegatedTask().run();
    } else if (result.getHandshakeStatus() == HandshakeStatus.NEED_WRAP) {
      // As when keys are renewed.
      flush();
    }
    return result.getStatus();
  }

  private void fill() throws IOException {
    records.compact();
    int read;
    try {
      read = in.read(records.array(), records.position(), records.remaining());
      records.position(records.position() + Math.max(0, read));
    } finally {
      records.flip();
    }
    if (read < 0) {
      throw new EOFException("the connection ended within TLS");
    }
  }

  /** Blocks until all of it is taken. */
  public void write(ByteBuffer... parts) throws IOException {
    writing.lock();
    try {
      ByteBuffer last = parts[parts.length - 1];
      while (last.hasRemaining()) {
        if (send(parts) == 0) {
          throw new IOException("TLS has ended");
        }
      }
    } finally {
      writing.unlock();
    }
  }

  /** Says that nothing more is sent. */
  public void endSending() throws IOException {
    engine.closeOutbound();
    flush();
  }

  private void flush() throws IOException {
    writing.lock();
    try {
      do {
        var _ = send(NOTHING);
      } while (engine.getHandshakeStatus() == HandshakeStatus.NEED_WRAP);
    } finally {
      writing.unlock();
    }
  }

  private int send(ByteBuffer... parts) throws IOException {
    int bytes = engine.wrap(parts, sealed.clear()).bytesProduced();
    out.write(sealed.array(), 0, bytes);
    return bytes;
  }
}
