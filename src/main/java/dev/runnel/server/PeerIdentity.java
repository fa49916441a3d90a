package dev.runnel.server;

import dev.runnel.job.RejectedException;
import dev.runnel.model.Caller;
import dev.runnel.model.ErrorCode;
import dev.runnel.model.Request;
import dev.runnel.security.AccessControl;
import dev.runnel.security.audit.AuditEntry;
import dev.runnel.security.identity.Principals;
import dev.runnel.security.identity.SourceAddress;
import dev.runnel.security.identity.Tokens;
import dev.runnel.security.identity.Tokens.Token;
import dev.runnel.security.identity.UnauthenticatedLimiter;
import dev.runnel.security.quota.Quotas;
import dev.runnel.wire.ProtocolException;
import io.vertx.core.net.SocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Who is at the other end of a connection: a stranger, until its listener knows who; then that, and
 * nobody else, until it is gone. On the connection's event loop.
 */
public final class PeerIdentity {
  private static final int HEX = 16;
  private static final int SHOWN_DIGITS = 8;

  private final Authentication access;
  private final UnauthenticatedLimiter strangers;
  private final SocketAddress remote;
  private final Transport transport;
  private final String source;
  private final boolean isExempt;
  private final AccessControl guard;
  private @Nullable Caller caller;
  private Quotas.@Nullable Share share;
  private @Nullable String overQuota;
  private @Nullable Token shown;
  private List<X509Certificate> certificates = List.of();
  private UnauthenticatedLimiter.@Nullable Look look;
  private boolean counted;
  private boolean greeted;
  private boolean namelessCertificate;
  private @Nullable String node;

  /** What carries its frames. */
  public enum Transport {
    SOCKET,
    WEB_SOCKET
  }

  /** A stranger, unless the listener lets in whoever comes. */
  public PeerIdentity(
      Authentication access, ServerContext room, SocketAddress remote, Transport transport) {
    this.access = access;
    this.strangers = room.strangers();
    this.remote = remote;
    this.transport = transport;
    this.guard = room.gate().guard();
    this.source = remote.isDomainSocket() ? "unix" : SourceAddress.of(remote.hostAddress());
    this.isExempt = !remote.isDomainSocket() && strangers.exempts(remote.hostAddress());
    if (access instanceof Authentication.Open(String principal)) {
      become(principal);
    }
  }

  private Caller callerAs(String principal) {
    return new Caller(principal, address(), via());
  }

  private String address() {
    return remote.isDomainSocket() ? "unix" : remote.hostAddress();
  }

  private Caller.Via via() {
    if (transport == Transport.WEB_SOCKET) {
      return access instanceof Authentication.OverTls ? Caller.Via.WSS : Caller.Via.WS;
    }
    if (remote.isDomainSocket()) {
      return Caller.Via.UNIX;
    }
    return access instanceof Authentication.OverTls ? Caller.Via.TLS : Caller.Via.TCP;
  }

  /** Takes a place among the strangers, if it is one; says why there is none for it. */
  @Nullable String enter() {
    if (caller != null || remote.isDomainSocket()) {
      return null;
    }
    String refusal = strangers.enter(source);
    counted = refusal == null;
    return refusal;
  }

  /** Where it is from, as far as connections are counted together; on this machine: who it is. */
  String source() {
    if (caller != null && caller.door() != null) {
      boolean local = caller.via() == Caller.Via.UNIX;
      return local ? "unix " + principal() + " by " + caller.door() : caller.source();
    }
    return remote.isDomainSocket() ? "unix " + principal() : source;
  }

  /** Who it is; empty: a stranger. */
  String principal() {
    return caller == null ? "" : caller.principal();
  }

  /** Whether it is no stranger. */
  public boolean isKnown() {
    return caller != null;
  }

  /** Who it is. Only of one that is known: nothing but hello is taken up before. */
  Caller caller() {
    return Objects.requireNonNull(caller);
  }

  /** How long it may take for its first frame. */
  ServerLimits limits(ServerLimits limits) {
    return counted ? limits.withFirstFrameWithin(strangers.grace()) : limits;
  }

  /** The kernel knows the user of its process, by name or number, or does not. */
  void ofUser(@Nullable String user) {
    become(user == null ? "local" : Principals.ofUser(user));
  }

  /**
   * TLS is there.
   *
   * @param chain the peer's certificate, found to be good, and those between it and its root;
   *     empty: it has none
   */
  public void secured(List<X509Certificate> chain) {
    X509Certificate certificate = chain.isEmpty() ? null : chain.getFirst();
    String named = certificate == null ? null : Principals.ofCertificate(certificate);
    namelessCertificate = certificate != null && named == null;
    if (withoutTls() instanceof Authentication.ByNode(String cluster, _)) {
      node = named == null ? null : nodeOf(named, cluster);
      certificates = chain;
      return;
    }
    if (certificate != null && named != null) {
      become(named);
      certificates = chain;
      noteLogin(credential(certificate));
    } else if (withoutTls() instanceof Authentication.Open(String principal)) {
      become(principal);
    }
  }

  private static @Nullable String nodeOf(String uri, String cluster) {
    String prefix = "runnel://" + cluster + "/";
    return uri.startsWith(prefix) ? uri.substring(prefix.length()) : null;
  }

  /** Whether it is another node, which asks on somebody's behalf. */
  boolean isNode() {
    return withoutTls() instanceof Authentication.ByNode;
  }

  /**
   * Takes the hello of another node.
   *
   * @throws ProtocolException if it is none, or does not say for whom it asks
   */
  private void helloOfNode(Request.Hello hello) throws ProtocolException {
    Caller whom = hello.onBehalf();
    if (!(withoutTls() instanceof Authentication.ByNode(_, String secret))
        || whom == null
        || (secret == null ? node == null : !isSecret(secret, hello.token()))) {
      throw new ProtocolException(
          ErrorCode.UNAUTHENTICATED, "only nodes of the cluster ask here, on behalf of clients");
    }
    String door = secret == null ? node : whom.door();
    become(new Caller(whom.principal(), whom.source(), whom.via(), door));
  }

  private static boolean isSecret(String secret, @Nullable String shown) {
    return shown != null
        && MessageDigest.isEqual(
            secret.getBytes(StandardCharsets.UTF_8), shown.getBytes(StandardCharsets.UTF_8));
  }

  /**
   * How long a token has to wait until it is looked at, which {@link #hello} does.
   *
   * @throws ProtocolException if it is not going to be
   */
  public Duration beforeLook(@Nullable String secret) throws ProtocolException {
    if (caller != null
        || secret == null
        || isExempt
        || !(withoutTls() instanceof Authentication.ByToken)) {
      return Duration.ZERO;
    }
    UnauthenticatedLimiter.Look granted = strangers.look(source, Tokens.digest(secret));
    if (granted.refusal() != null) {
      throw new ProtocolException(
          ErrorCode.TOO_MANY_FAILURES, granted.refusal(), granted.after().toMillis());
    }
    look = granted;
    return granted.after();
  }

  /**
   * Takes a hello.
   *
   * @throws ProtocolException if it does not let a stranger in
   * @throws RejectedException if it is not the first
   */
  public void hello(Request.Hello hello) throws ProtocolException, RejectedException {
    if (greeted) {
      throw again();
    }
    greeted = true;
    if (isNode()) {
      helloOfNode(hello);
      return;
    }
    if (hello.onBehalf() != null) {
      throw new RejectedException(ErrorCode.BAD_REQUEST, "for: only another node says for whom");
    }
    if (caller == null) {
      Token known = check(hello.token());
      become(known.principal());
      shown = known;
      noteLogin(credential(known));
    }
  }

  private RejectedException again() {
    String why = "hello: the second on this connection (limit: 1)";
    ErrorCode code = ErrorCode.BAD_REQUEST;
    guard.audit().noteSome(source, () -> AuditEntry.denied(caller(), "hello", null, code, why));
    return new RejectedException(code, why);
  }

  private Token check(@Nullable String secret) throws ProtocolException {
    if (secret == null || !(withoutTls() instanceof Authentication.ByToken(var tokens))) {
      throw new ProtocolException(
          ErrorCode.UNAUTHENTICATED,
          namelessCertificate
              ? "token: missing, and the certificate has no DNS name or URI to know its owner by"
              : "token: missing");
    }
    Token known = tokens.get().find(secret);
    if (known == null && look != null && look.isBraked()) {
      throw braked(look);
    }
    if (known == null) {
      throw new ProtocolException(ErrorCode.UNAUTHENTICATED, "token: not known");
    }
    if (known.isExpired(Instant.now())) {
      throw new ProtocolException(
          ErrorCode.UNAUTHENTICATED, "token: expired at " + known.expires());
    }
    return known;
  }

  // What a source that failed too often hears, whatever it said that was wrong.
  private ProtocolException braked(UnauthenticatedLimiter.Look granted) {
    if (granted.isGuess()) {
      var _ = failed("token: not known");
    }
    Duration left = strangers.penalty(source);
    return new ProtocolException(
        ErrorCode.TOO_MANY_FAILURES, UnauthenticatedLimiter.tooManyFailures(left), left.toMillis());
  }

  /**
   * What to say if the token or the certificate that let it in was revoked since, which is written
   * to the audit; null: it was not. One that has expired was not revoked.
   */
  public @Nullable String revoked() {
    Token token = shown;
    if (token != null
        && withoutTls() instanceof Authentication.ByToken(var tokens)
        && !tokens.get().contains(token)) {
      guard.audit().note(() -> AuditEntry.revoked(caller(), credential(token)));
      return "token: revoked";
    }
    if (access instanceof Authentication.OverTls(var tls, _) && tls.isRevoked(certificates)) {
      String which = credential(certificates.getFirst());
      guard.audit().note(() -> AuditEntry.revoked(caller(), which));
      return "certificate: revoked";
    }
    return null;
  }

  /** Has it written down that its connection ended while it waited for something. */
  void noteLost(String reason) {
    if (caller != null) {
      guard.audit().noteSome(source, () -> AuditEntry.lost(caller(), reason));
    }
  }

  // One line a minute for each credential from each address: a client connects for every command.
  private void noteLogin(String credential) {
    Caller who = caller();
    guard
        .audit()
        .noteOnce(credential + " " + who.source(), () -> AuditEntry.login(who, credential));
  }

  /** As {@code token list} shows it. */
  private static String credential(Token token) {
    return "token " + token.digest().substring(0, SHOWN_DIGITS);
  }

  private static String credential(X509Certificate certificate) {
    return "certificate " + certificate.getSerialNumber().toString(HEX);
  }

  private Authentication withoutTls() {
    return access instanceof Authentication.OverTls(_, var otherwise) ? otherwise : access;
  }

  private void become(String principal) {
    become(callerAs(principal));
  }

  private void become(Caller known) {
    caller = known;
    leave();
    try {
      share = guard.quotas().takeConnection(known);
    } catch (Quotas.OverQuotaException e) {
      overQuota = e.getMessage();
    }
  }

  /**
   * To be asked before anything is done for it.
   *
   * @throws ProtocolException if its principal or its source has too many connections
   */
  public void checkQuota() throws ProtocolException {
    if (overQuota != null) {
      throw new ProtocolException(ErrorCode.TOO_MANY_CONNECTIONS, overQuota);
    }
  }

  /** Its connection is closed. Idempotent. */
  public void gone() {
    leave();
    if (share != null) {
      share.giveBack();
      share = null;
    }
  }

  /**
   * It was not let in; says when to tell it.
   *
   * @param why in words of ours
   */
  public Duration failed(String why) {
    guard.audit().noteSome(source, () -> AuditEntry.unauthenticated(address(), via(), why));
    return isExempt ? UnauthenticatedLimiter.toleratedFailure() : strangers.failed(source);
  }

  /** It took too long. */
  void dawdled() {
    if (counted && !isExempt) {
      strangers.dawdled(source);
    }
  }

  private void leave() {
    if (counted) {
      counted = false;
      strangers.leave(source);
    }
  }
}
