package dev.runnel;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Stands between one client and a server, and cuts its connections one after the other, each at a
 * byte and in a manner that follow from a seed; after the last cut it only passes on.
 */
public final class CuttingProxy implements AutoCloseable {
  /** An answer to a hello and a start are shorter: the first connection is never cut before. */
  private static final int SAFE_BYTES = 1_024;

  private static final int EARLY_BYTES = 300;
  private static final int BUFFER_BYTES = 16_384;

  private final ServerSocket listener;
  private final Random random;
  private final List<Manner> cuts;
  private final int spread;
  private final ConcurrentLinkedQueue<Socket> open = new ConcurrentLinkedQueue<>();
  private final ConcurrentLinkedQueue<Fate> fates = new ConcurrentLinkedQueue<>();
  private final AtomicInteger accepted = new AtomicInteger();
  private final AtomicInteger made = new AtomicInteger();
  private volatile int serverPort;
  private volatile boolean refusing;

  /** How a connection is lost. */
  public enum Manner {
    /** Both sides see an end of stream. */
    CLOSE,
    /** Both sides see a reset. */
    RESET,
    /** Nobody sees anything: what is sent is swallowed, for ever. */
    SILENCE
  }

  /** Which of a connection's bytes, of both directions together, is the last. */
  private static final class Fate {
    private Manner manner;
    private int left;
    private boolean cut;

    Fate(Manner manner, int left) {
      this.manner = manner;
      this.left = left;
    }

    /** How many of these bytes still pass. */
    synchronized int pass(int bytes) {
      int passed = Math.min(left, bytes);
      left -= passed;
      return passed;
    }

    synchronized boolean isSilent() {
      return cut && manner == Manner.SILENCE;
    }

    /** It is silent from now on, whatever was to become of it. */
    synchronized void silence() {
      manner = Manner.SILENCE;
      left = 0;
      cut = true;
    }

    /** Whether this is the moment; true once. */
    synchronized boolean isDue() {
      boolean due = !cut && left == 0;
      cut |= due;
      return due;
    }
  }

  /**
   * @param cuts the manners, one for each of the first connections
   * @param spread each is cut within so many bytes
   */
  public CuttingProxy(int serverPort, long seed, List<Manner> cuts, int spread) throws IOException {
    this.serverPort = serverPort;
    this.random = new Random(seed);
    this.cuts = List.copyOf(cuts);
    this.spread = spread;
    this.listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    start(this::accept);
  }

  public int port() {
    return listener.getLocalPort();
  }

  /** How many connections there were. */
  public int connections() {
    return accepted.get();
  }

  /** How many connections were cut. */
  public int made() {
    return made.get();
  }

  /** From now on connections go to another server. */
  public void redirect(int port) {
    serverPort = port;
  }

  /** Cuts every connection there is, now. */
  public void cutAll() {
    close(open);
  }

  /** Cuts every connection there is, and each that comes, until {@link #admit}. */
  public void refuse() {
    refusing = true;
    cutAll();
  }

  /** Passes on again. */
  public void admit() {
    refusing = false;
  }

  /** Has every connection there is swallow what is sent over it from now on. */
  public void silenceAll() {
    fates.forEach(Fate::silence);
  }

  private static void start(Runnable action) {
    Thread thread = new Thread(action, "proxy");
    thread.setDaemon(true);
    thread.start();
  }

  private void accept() {
    try {
      for (int connection = 0; ; connection++) {
        Socket client = listener.accept();
        accepted.incrementAndGet();
        open.add(client);
        if (refusing) {
          client.close();
          continue;
        }
        pass(client, fate(connection));
      }
    } catch (IOException _) {
      // Closed: the test is over.
    }
  }

  // The server may be gone, and there again for the next one.
  private void pass(Socket client, Fate fate) {
    try {
      Socket server = new Socket(InetAddress.getLoopbackAddress(), serverPort);
      open.add(server);
      client.setTcpNoDelay(true);
      server.setTcpNoDelay(true);
      fates.add(fate);
      start(() -> relay(client, server, fate));
      start(() -> relay(server, client, fate));
    } catch (IOException _) {
      close(List.of(client));
    }
  }

  private Fate fate(int connection) {
    if (connection >= cuts.size()) {
      return new Fate(Manner.CLOSE, Integer.MAX_VALUE);
    }
    boolean early = connection > 0 && random.nextInt(4) == 0;
    int least = connection == 0 ? SAFE_BYTES : 0;
    int bytes = least + random.nextInt(early ? EARLY_BYTES : spread);
    return new Fate(cuts.get(connection), bytes);
  }

  private void relay(Socket from, Socket to, Fate fate) {
    byte[] buffer = new byte[BUFFER_BYTES];
    try {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      int read;
      while ((read = in.read(buffer)) >= 0) {
        out.write(buffer, 0, fate.pass(read));
        if (fate.isDue()) {
          made.incrementAndGet();
          cut(fate.manner, from, to);
        }
      }
      if (!fate.isSilent()) {
        to.shutdownOutput();
      }
    } catch (IOException _) {
      // One of them is gone, and so the other goes; unless nobody is to hear of it.
      if (!fate.isSilent()) {
        close(List.of(from, to));
      }
    }
  }

  private static void cut(Manner manner, Socket from, Socket to) throws IOException {
    if (manner == Manner.SILENCE) {
      return;
    }
    if (manner == Manner.RESET) {
      from.setSoLinger(true, 0);
      to.setSoLinger(true, 0);
    }
    close(List.of(from, to));
  }

  private static void close(Iterable<Socket> sockets) {
    for (Socket socket : sockets) {
      try {
        socket.close();
      } catch (IOException _) {
        // It is gone.
      }
    }
  }

  @Override
  public void close() throws IOException {
    listener.close();
    close(new ArrayList<>(open));
  }
}
