# Runnel in an image. The context is an unpacked distribution, not this folder:
#
#   ./runnel package
#   docker build -t runnel -f Dockerfile target/dist/runnel-VERSION
#
# BASE is what your commands need; Runnel itself needs glibc 2.34 and /bin/sh. INIT is any image of
# Debian's or with its init in /usr/bin/tini-static.
# Both are better named by a digest of your registry's, which nobody can move: debian@sha256:…
ARG BASE=debian:bookworm-slim
ARG INIT=debian:bookworm-slim

FROM ${INIT} AS init
RUN test -x /usr/bin/tini-static || \
    { apt-get update && apt-get install -y --no-install-recommends tini; }

FROM ${BASE}
COPY --from=init /usr/bin/tini-static /usr/local/bin/tini
COPY runtime /opt/runnel/runtime
COPY app /opt/runnel/app
COPY runnel runneld LICENSE /opt/runnel/

# By number, because Kubernetes checks runAsNonRoot only then; nobody of that number owns anything.
USER 10001:10001
# The one place to write to where the root is read-only.
ENV HOME=/tmp
WORKDIR /tmp
EXPOSE 7866
STOPSIGNAL SIGTERM
# The JVM is no init: something else has to be process 1, pass on signals, and reap what is left.
ENTRYPOINT ["/usr/local/bin/tini", "--", "/opt/runnel/runnel", "serve"]
CMD ["--listen", "0.0.0.0:7866", "--tokens", "/etc/runnel-tokens/tokens", \
     "--tls-cert", "/etc/runnel-tls/tls.crt", "--tls-key", "/etc/runnel-tls/tls.key"]
