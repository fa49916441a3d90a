package dev.runnel.server;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Peers with a credential that ask for more than they read, each by a thread of its own, until they
 * are closed or the server has had enough of them. Any thread.
 */
final class Crowd {
  private static final int IDS_FROM = 1_000_000;

  /** So many say hello at once: a server has only so many strangers from one address. */
  private static final int AT_ONCE = 2;

  private final Callable<Socket> connect;
  private final String token;
  private final ConcurrentLinkedQueue<Socket> sockets = new ConcurrentLinkedQueue<>();
  private final List<Thread> threads = new ArrayList<>();
  private final AtomicInteger open = new AtomicInteger();
  private final AtomicInteger lost = new AtomicInteger();
  private final Semaphore strangers = new Semaphore(AT_ONCE);
  private final CountDownLatch ended = new CountDownLatch(1);
  private volatile boolean over;

  /**
   * @param token whose they are
   */
  Crowd(Callable<Socket> connect, String token) {
    this.connect = connect;
    this.token = token;
  }

  /** How many got in. */
  int open() {
    return open.get();
  }

  /** How many of them were closed by the server. */
  int lost() {
    return lost.get();
  }

  /** Pipelines the same request, with ids of its own, and never reads. */
  void ask(int connections, int requests, String keys) {
    each(
        connections,
        client -> {
          for (int i = 0; i < requests && !over; i += 10) {
            ByteArrayOutputStream some = new ByteArrayOutputStream();
            for (int k = 0; k < 10; k++) {
              String id = "'id':'" + (IDS_FROM + i + k) + "',";
              some.writeBytes(RawClient.frame(id + keys));
            }
            client.socket().getOutputStream().write(some.toByteArray());
          }
        });
  }

  /** Asks for a job on a connection of its own, and waits for such a frame about it. */
  String run(String keys, String line, String awaited) throws Exception {
    RawClient client = client();
    client.send("'id':'r'," + keys, line);
    while (true) {
      RawClient.Answer answer = client.next();
      if (answer.type().equals(awaited)) {
        return answer.text("job");
      }
      if (answer.isFinal()) {
        throw new IOException("not " + awaited + ": " + answer);
      }
    }
  }

  private interface Use {
    void of(RawClient client) throws Exception;
  }

  private void each(int connections, Use use) {
    for (int i = 0; i < connections; i++) {
      threads.add(
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      RawClient client = client();
                      open.incrementAndGet();
                      use.of(client);
                      ended.await();
                    } catch (Exception _) {
                      if (!over) {
                        lost.incrementAndGet();
                      }
                    }
                  }));
    }
  }

  /** One of them, that may do as it likes. */
  RawClient client() throws Exception {
    strangers.acquire();
    try {
      return letIn(connect.call());
    } finally {
      strangers.release();
    }
  }

  private RawClient letIn(Socket socket) throws Exception {
    sockets.add(socket);
    if (over) {
      socket.close();
    }
    RawClient client = new RawClient(socket);
    RawClient.Answer answer = client.ask("'type':'hello','version':1,'token':'" + token + "'");
    if (!answer.type().equals("hello")) {
      throw new IOException("not let in: " + answer);
    }
    return client;
  }

  /** Closes all of them. */
  void end() throws Exception {
    over = true;
    ended.countDown();
    for (Socket socket : sockets) {
      try {
        socket.setSoLinger(true, 0);
        socket.close();
      } catch (IOException _) {
        // It is closed.
      }
    }
    for (Thread thread : threads) {
      thread.join();
    }
  }
}
