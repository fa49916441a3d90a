package dev.runnel.http;

import dev.runnel.tls.ServerTls;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.ssl.ApplicationProtocolNegotiator;
import io.netty.handler.ssl.ClientAuth;
import io.netty.handler.ssl.IdentityCipherSuiteFilter;
import io.netty.handler.ssl.JdkSslContext;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslHandler;
import io.vertx.core.net.SSLEngineOptions;
import io.vertx.core.spi.tls.SslContextFactory;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketAddress;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.function.Function;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLSessionContext;
import javax.net.ssl.X509ExtendedKeyManager;
import org.jspecify.annotations.Nullable;

/**
 * The engines of the frame listeners for Vert.x's HTTP server: the same files, read again when they
 * change, the same protocols and suites. A connection takes its place before it shakes hands: else
 * any number of peers could hold a descriptor by saying nothing.
 */
final class HttpTls extends SSLEngineOptions {
  private final ServerTls tls;
  private final Function<String, Runnable> places;

  /**
   * @param places takes a place for a source and says how to give it back; throws a
   *     RejectedPlaceException if there is none
   */
  HttpTls(ServerTls tls, Function<String, Runnable> places) {
    this.tls = tls;
    this.places = places;
  }

  /** There is no place for the connection. */
  static final class RejectedPlaceException extends RuntimeException {
    private static final long serialVersionUID = 1;

    RejectedPlaceException() {
      super("no place", null, false, false);
    }
  }

  /** Holds nothing: every engine comes with its own. */
  static final class NoKeys extends X509ExtendedKeyManager {
    @Override
    public String @Nullable [] getClientAliases(String type, Principal[] issuers) {
      return null;
    }

    @Override
    public @Nullable String chooseClientAlias(String[] types, Principal[] issuers, Socket socket) {
      return null;
    }

    @Override
    public String @Nullable [] getServerAliases(String type, Principal[] issuers) {
      return null;
    }

    @Override
    public @Nullable String chooseServerAlias(String type, Principal[] issuers, Socket socket) {
      return null;
    }

    @Override
    public X509Certificate @Nullable [] getCertificateChain(String alias) {
      return null;
    }

    @Override
    public @Nullable PrivateKey getPrivateKey(String alias) {
      return null;
    }
  }

  @Override
  public SSLEngineOptions copy() {
    return this;
  }

  @Override
  public SslContextFactory sslContextFactory() {
    return Context::new;
  }

  private final class Context extends SslContext {
    // For what Netty asks of a context; engines come from elsewhere.
    private final JdkSslContext model;

    Context() {
      model =
          new JdkSslContext(
              tls.context(),
              false,
              null,
              IdentityCipherSuiteFilter.INSTANCE,
              null,
              ClientAuth.OPTIONAL,
              null,
              false);
    }

    @Override
    public boolean isClient() {
      return false;
    }

    @Override
    public List<String> cipherSuites() {
      return model.cipherSuites();
    }

    @Override
    @SuppressWarnings("deprecation") // Of the contract that this class fulfils.
    public ApplicationProtocolNegotiator applicationProtocolNegotiator() {
      return model.applicationProtocolNegotiator();
    }

    @Override
    public SSLEngine newEngine(ByteBufAllocator alloc) {
      return tls.get();
    }

    @Override
    public SSLEngine newEngine(ByteBufAllocator alloc, String peerHost, int peerPort) {
      return tls.get();
    }

    @Override
    public SSLSessionContext sessionContext() {
      return model.sessionContext();
    }

    @Override
    protected SslHandler newHandler(ByteBufAllocator alloc, boolean startTls, Executor tasks) {
      return new Handler(tls.get(), tasks);
    }

    @Override
    protected SslHandler newHandler(ByteBufAllocator alloc, boolean startTls) {
      return new Handler(tls.get(), Runnable::run);
    }
  }

  private final class Handler extends SslHandler {
    Handler(SSLEngine engine, Executor tasks) {
      super(engine, tasks);
    }

    @Override
    public void handlerAdded(ChannelHandlerContext context) throws Exception {
      Runnable giveBack = places.apply(source(context.channel().remoteAddress()));
      context.channel().closeFuture().addListener(_ -> giveBack.run());
      super.handlerAdded(context);
    }

    private static String source(SocketAddress address) {
      return address instanceof InetSocketAddress inet && inet.getAddress() != null
          ? inet.getAddress().getHostAddress()
          : "unix";
    }
  }
}
