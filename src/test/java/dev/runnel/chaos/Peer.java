package dev.runnel.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import dev.runnel.server.RawClient;
import dev.runnel.server.RawClient.Answer;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;

/** One connection to the daemon. One thread, but for {@link #closeAll}. */
final class Peer implements Closeable {
  private static final Set<Closeable> OPEN = ConcurrentHashMap.newKeySet();
  private static final SSLContext TRUSTING = trusting();

  private final Closeable transport;
  private final RawClient client;
  private final InputStream in;
  private final OutputStream out;
  private final boolean isTcp;
  private int ids;

  private Peer(Closeable transport, InputStream in, OutputStream out, boolean isTcp) {
    this.transport = transport;
    this.in = in;
    this.out = out;
    this.isTcp = isTcp;
    this.client = new RawClient(in, out);
  }

  /** Over the Unix socket. */
  static Peer unix(Victim victim) throws IOException {
    SocketChannel channel = SocketChannel.open(java.net.StandardProtocolFamily.UNIX);
    OPEN.add(channel);
    try {
      channel.connect(UnixDomainSocketAddress.of(victim.socket()));
    } catch (IOException e) {
      drop(channel);
      throw e;
    }
    return new Peer(
        channel, Channels.newInputStream(channel), Channels.newOutputStream(channel), false);
  }

  /** Over TLS, through that port of this machine, with that token. */
  static Peer tls(int port, String secret) throws IOException {
    Socket socket = new Socket();
    OPEN.add(socket);
    try {
      socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 30_000);
      Socket secure =
          TRUSTING.getSocketFactory().createSocket(socket, "localhost", socket.getPort(), true);
      Peer peer = new Peer(socket, secure.getInputStream(), secure.getOutputStream(), true);
      peer.client.send("'type':'hello','id':'hello','version':1,'token':'" + secret + "'");
      Answer answer = peer.client.next();
      if (!answer.type().equals("hello")) {
        throw new IOException("no hello: " + answer);
      }
      return peer;
    } catch (IOException | RuntimeException e) {
      drop(socket);
      throw e;
    }
  }

  /** In clear, to that port: for the seed listener. */
  static Peer plain(int port) throws IOException {
    Socket socket = new Socket();
    OPEN.add(socket);
    try {
      socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 30_000);
      return new Peer(socket, socket.getInputStream(), socket.getOutputStream(), true);
    } catch (IOException e) {
      drop(socket);
      throw e;
    }
  }

  /** Its own end's; 0: it has none. */
  int port() {
    return isTcp ? ((Socket) transport).getLocalPort() : 0;
  }

  RawClient client() {
    return client;
  }

  InputStream in() {
    return in;
  }

  /** Sends bytes that need not be frames. */
  void sendRaw(byte[] bytes) throws IOException {
    out.write(bytes);
    out.flush();
  }

  String nextId() {
    return "r" + ids++;
  }

  /** Follows what was asked for under these ids, each about a job, to the last frame of each. */
  void follow(Map<String, String> jobs, Ledger ledger, Consumer<Answer> seen) throws IOException {
    Map<String, String> left = new HashMap<>(jobs);
    Set<String> started = ConcurrentHashMap.newKeySet();
    while (!left.isEmpty()) {
      Answer answer = client.next();
      JsonNode header = answer.header();
      String id = answer.text("id");
      seen.accept(answer);
      if (header.path("close").asBoolean()) {
        throw new IOException("closed: " + header);
      }
      String job = left.get(id);
      if (job == null) {
        continue;
      }
      switch (answer.type()) {
        case "started" -> {
          started.add(id);
          ledger.started(job);
        }
        // Also without a window, where it changes nothing.
        case "output" ->
            client.send(
                "'type':'ack','follow':'"
                    + id
                    + "','offset':"
                    + (answer.number("offset") + answer.body().length));
        default -> {}
      }
      if (answer.isFinal()) {
        ledger.last(job, header, started.contains(id));
        left.remove(id);
      }
    }
  }

  /** Closes it as one who lost interest, or as one who lost power. */
  void reset() throws IOException {
    if (isTcp) {
      ((Socket) transport).setSoLinger(true, 0);
    }
    close();
  }

  private static void drop(Closeable transport) {
    OPEN.remove(transport);
    try {
      transport.close();
    } catch (IOException _) {
      // It is gone.
    }
  }

  /** Closes every connection there is; whoever waits at one gets an exception. */
  static void closeAll() {
    OPEN.forEach(Peer::drop);
  }

  @Override
  public void close() {
    drop(transport);
  }

  private static SSLContext trusting() {
    TrustManager everybody =
        new X509TrustManager() {
          @Override
          public void checkClientTrusted(X509Certificate[] chain, String type) {}

          @Override
          public void checkServerTrusted(X509Certificate[] chain, String type) {}

          @Override
          public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
          }
        };
    try {
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(null, new TrustManager[] {everybody}, null);
      return context;
    } catch (GeneralSecurityException e) {
      throw new AssertionError(e);
    }
  }
}
