package dev.runnel.server;

import io.netty.channel.Channel;
import io.netty.channel.ChannelException;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.epoll.EpollTcpInfo;
import java.time.Duration;

/**
 * What the kernel knows of a connection. It notices that a peer's machine answers nothing although
 * there is data for it: keepalive does not run then, and the kernel itself goes on for a quarter of
 * an hour; TCP_USER_TIMEOUT would also end a connection whose peer answers every probe and only
 * does not read. On the connection's event loop. tcp(7)
 */
final class KernelSendQueue {
  private static final long PATIENCE_NANOS = Duration.ofSeconds(45).toNanos();

  /** Two of them are ten seconds apart, or a minute: one that is lost tells nothing. */
  private static final int MIN_TRIES = 2;

  private int tries;
  private long since;
  private long inFlight;
  private long receiveSpace;

  /** To be asked every few seconds; whether it is time to give the peer up. */
  boolean isLost(Channel channel, long now) {
    // By name: the class is of a library that is not there in every application.
    return channel.isActive()
        && channel.getClass().getName().endsWith(".EpollSocketChannel")
        && isLost(Epoll.look(channel, this), now);
  }

  /** Bytes that the kernel had sent at the last look, and the peer's machine not yet confirmed. */
  long inFlight() {
    return inFlight;
  }

  /** Bytes that the peer might have the kernel receive ahead of us, at the last look. */
  long receiveSpace() {
    return receiveSpace;
  }

  private boolean isLost(int unanswered, long now) {
    // The kernel counts from 0 again as soon as something is answered.
    if (tries == 0 || unanswered < tries) {
      since = now;
    }
    tries = unanswered;
    return tries >= MIN_TRIES && now - since > PATIENCE_NANOS;
  }

  private static final class Epoll {
    private static final ThreadLocal<EpollTcpInfo> INFO =
        ThreadLocal.withInitial(EpollTcpInfo::new);

    /** How often data, or a probe, was sent again since anything was answered. */
    static int look(Channel channel, KernelSendQueue result) {
      EpollTcpInfo info = INFO.get();
      try {
        ((EpollSocketChannel) channel).tcpInfo(info);
        result.inFlight = info.unacked() * info.sndMss();
        result.receiveSpace = info.rcvSpace();
        return info.retransmits() + info.probes();
      } catch (ChannelException _) {
        return 0; // It was closed just now.
      }
    }
  }
}
