# shellcheck shell=sh
# The launcher's verbs "package" and "train", which make what makes a start quick. Sourced by it, so
# that JVMs are trained by the very flags with which they will be started. stdout is for what was
# made.
#
# shellcheck disable=SC2034,SC2154 # variables are the launcher's
# shellcheck disable=SC2317 # functions are called by it

package_help() {
  cat <<'END'
Usage: runnel package

Makes target/runnel-VERSION-linux-ARCH.tar.gz, which runs without a JDK: a runtime, the jars, the
launcher, and caches by which client and server start faster. The same folder stays unpacked in
target/dist. Afterwards this checkout has such caches, too, until it is built again. Where there is
a python3, the Python client's wheel and source archive are made as well, in target/python. The
JavaScript client's package is target/js/runnel-VERSION.tgz.

Exit code: 0 when it was made; its name is the last line.
END
}

train_help() {
  cat <<'END'
Usage: runnel train

Makes the caches by which client and server of this checkout start faster, until it is built again:
a server and clients do once what they are for, and their JVMs keep what they learn. It takes half a
minute.

Exit code: 0 when they are made.
END
}

main_train() {
  case $2 in
    -h | --help)
      train_help
      exit 0
      ;;
    ?*)
      say "train: unknown argument: $2 (see runnel train --help)"
      exit 2
      ;;
  esac
  ensure_built
  find_java java
  choose_locale
  lock
  train
  unlock
}

main_package() {
  case $2 in
    -h | --help)
      package_help
      exit 0
      ;;
    ?*)
      say "package: unknown argument: $2 (see runnel package --help)"
      exit 2
      ;;
  esac
  [ "$(uname -s)" = Linux ] || die "makes packages for Linux, on Linux"
  ensure_built
  find_java jlink
  choose_locale
  umask 022
  lock
  train
  package
  unlock
}

# --- training -------------------------------------------------------------------------------------

# Makes the caches of $app for the Java in $java_home: a server and a client do once what they are
# for, the JVM notes what it loaded and linked for that, and keeps it in the form it needs. With
# RUNNEL_TRAINING=short, for tests, a server does not practise.
train() {
  say "training $app …"
  # Maven alone writes no digest.
  [ -r "$jar.id" ] || identify
  [ -r "$jar.id" ] || die "cannot tell jars apart: there is neither sha256sum nor shasum"
  read -r trained <"$jar.id"
  server=
  work=
  training=$home/src/main/sh/training
  trap 'end_training' EXIT
  trap 'exit 255' HUP INT TERM
  # Not in TMPDIR: a socket's path is short.
  work=$(mktemp -d /tmp/runnel-train.XXXXXX) || exit 255
  rehearse
  for step in create check; do
    for kind in serve client tls; do
      (step "$kind" --version) </dev/null >>"$work/log" 2>&1 || explain_training
    done
  done
  keep_caches
  end_training
  trap - EXIT HUP INT TERM
}

# The server has tokens: nobody else on this machine is to run commands by it.
rehearse() {
  step=prepare
  (step token token new training --out "$work/secret" --tokens "$work/tokens") >>"$work/log" 2>&1 ||
    explain_training
  read -r secret <"$work/secret"
  mkfifo "$work/said"
  step=record
  start_server --listen "unix:$work/s"
  read -r unix <&8 || explain_training
  rehearse_client client "${tcp#listening on }" "${unix#listening on }"
  # By the thousand, so that a server's JVM knows from its start what is worth compiling.
  step=practise
  [ "$RUNNEL_TRAINING" = short ] ||
    (step client practise -H "${tcp#listening on }") </dev/null >>"$work/log" 2>&1 ||
    explain_training
  stop_server
  # A client that goes through TLS has a cache of its own, as its classes would cost others 7 ms.
  start_server --tls-cert "$training/server.pem" --tls-key "$training/server.pem"
  step=record
  rehearse_client tls "${tcp#listening on }"
  stop_server
}

# Starts a server; sets tcp to what it says first, and leaves the rest in 8.
start_server() {
  (step serve serve --listen 127.0.0.1:0 "$@" --tokens "$work/tokens" --state-dir "$work/state") \
    </dev/null >"$work/said" 2>>"$work/log" &
  server=$!
  exec 8<"$work/said"
  read -r tcp <&8 || explain_training
}

stop_server() {
  kill "$server"
  wait "$server" || explain_training
  server=
  exec 8<&-
}

rehearse_client() {
  kind=$1
  shift
  seq 20000 | (step "$kind" rehearse "$@") >>"$work/log" 2>&1 || explain_training
}

# Becomes a JVM as the launcher starts it for a kind of verb, or one that makes a cache for such.
# For a subshell, because nothing of the user's settings is to be learnt.
step() {
  kind=$1
  shift
  for name in $(env | sed -n 's/^\(RUNNEL_[A-Z_]*\)=.*/\1/p'); do
    unset "$name"
  done
  find_cache() { cache=; }
  start() {
    case $step in
      record | create)
        # Profiles would have a client compile at once what it then does but once: 8 ms of 59.
        [ "$kind" = serve ] ||
          set -- -XX:+UnlockDiagnosticVMOptions -XX:-AOTRecordTraining "$@"
        ;;
    esac
    case $step in
      record) set -- -XX:AOTMode=record "-XX:AOTConfiguration=$work/$kind.conf" "$@" ;;
      create)
        set -- -XX:AOTMode=create "-XX:AOTConfiguration=$work/$kind.conf" \
          "-XX:AOTCache=$work/$kind.aot" "$@"
        ;;
      check)
        # "on" as an order: the JVM ends if it can't use the cache.
        set -- -XX:AOTMode=on "-XX:AOTCache=$work/$kind.aot" -Xlog:aot\*=off,cds\*=off:stderr "$@"
        ;;
    esac
    exec_java "$@" 8<&- 9>&-
  }
  case $kind in
    client | tls)
      # A server of the user's own is none to practise on.
      export RUNNEL_TOKEN="$secret" XDG_RUNTIME_DIR="$work"
      [ "$kind" = client ] || export RUNNEL_CA="$training/ca.pem"
      verb="exec"
      ;;
    *) verb=serve ;;
  esac
  run "$@"
}

keep_caches() {
  # Somebody may have built by Maven alone, which knows no lock.
  identify
  read -r digest <"$jar.id"
  [ "$digest" = "$trained" ] || die "the jars changed while they were trained: try again"
  rm -rf "$app/aot"
  mkdir "$app/aot"
  for kind in serve client tls; do
    # Whole or not at all, also from another file system.
    mv "$work/$kind.aot" "$app/aot/.new"
    chmod 644 "$app/aot/.new"
    mv "$app/aot/.new" "$app/aot/$kind-$trained-$java_version.aot"
  done
}

explain_training() {
  say "training failed:"
  tail -n 8 "$work/log" >&2
  exit 255
}

end_training() {
  [ -z "$server" ] || kill "$server"
  [ -z "$work" ] || rm -rf "$work"
}

# --- packaging ------------------------------------------------------------------------------------

package() {
  folder=runnel-$(sed -n 's:^ *<version>\(.*\)</version>.*:\1:p' "$home/pom.xml" | head -n 1)
  stamp=$(sed -n 's:.*<project.build.outputTimestamp>\(.*\)<.*:\1:p' "$home/pom.xml")
  archive=$home/target/$folder-linux-$(uname -m).tar.gz
  fresh=$home/target/dist/.new
  rm -rf "$fresh"
  mkdir -p "$fresh/$folder/app/lib"
  say "packaging $folder …"
  copy_jars
  link_runtime
  copy_texts "$fresh/$folder"
  chmod -R u=rwX,go=rX "$fresh/$folder"
  # The JVM refuses a cache whose jars have changed since: first their final times, then training.
  date_all
  java_home=$fresh/$folder/runtime
  app=$fresh/$folder/app
  jar=$app/runnel.jar
  train
  date_all
  rm -rf "$home/target/dist/${folder:?}"
  mv "$fresh/$folder" "$home/target/dist/$folder"
  rmdir "$fresh"
  package_python
  package_js
  tar -C "$home/target/dist" -c --format=gnu --sort=name --owner=0 --group=0 --numeric-owner \
    "$folder" | gzip -n >"$archive.new"
  mv "$archive.new" "$archive"
  printf '%s\n' "$archive"
}

# The wheel and the source archive of the Python client.
package_python() {
  if ! command -v python3 >/dev/null; then
    say "there is no python3: the Python client is not packed"
    return 0
  fi
  rm -rf "$home/target/python"
  python3 -B "$home/clients/python/build_backend.py" "$home/target/python" >&2 ||
    die "cannot pack the Python client"
}

# What npm would make of the JavaScript client, in our version.
package_js() {
  js=$fresh.js/package
  rm -rf "$fresh.js" "$home/target/js"
  mkdir -p "$js" "$home/target/js"
  for file in package.json README.md index.d.ts browser.d.ts src examples; do
    cp -r "$home/clients/js/$file" "$js/" || exit 255
  done
  cp "$home/LICENSE" "$js/" || exit 255
  sed -i.old "s/\"version\": \"[^\"]*\"/\"version\": \"${folder#runnel-}\"/" "$js/package.json" &&
    rm "$js/package.json.old" || exit 255
  chmod -R u=rwX,go=rX "$js"
  find "$js" -exec touch -h -d "$stamp" {} +
  tar -C "$fresh.js" -c --format=ustar --sort=name --owner=0 --group=0 --numeric-owner package |
    gzip -n >"$home/target/js/$folder.tgz"
  rm -rf "$fresh.js"
}

# The launchers, and what can be read: whatever a page links to is there, too (PackedTextsTest).
copy_texts() {
  for file in runnel runneld LICENSE README.md PROTOCOL.md SECURITY.md CHANGELOG.md CONTRIBUTING.md \
    Dockerfile clients docs k8s src/test/java/dev/runnel/examples; do
    mkdir -p "$1/$(dirname "$file")" && cp -r "$home/$file" "$1/$(dirname "$file")/" || exit 255
  done
  # What their tools leave in a checkout.
  find "$1/clients" \( -name __pycache__ -o -name '.*_cache' -o -name node_modules \) -prune \
    -exec rm -r {} + || exit 255
}

# Those of the class path: target/lib may also hold what an earlier version needed.
copy_jars() {
  (cd "$fresh" && "$java_home/bin/jar" xf "$jar" META-INF/MANIFEST.MF) || exit 255
  for name in $(tr -d '\r' <"$fresh/META-INF/MANIFEST.MF" |
    awk '/^ /{ printf "%s", substr($0, 2); next } { printf "\n%s", $0 }' |
    sed -n 's/^Class-Path: //p'); do
    cp "$home/target/$name" "$fresh/$folder/app/lib/" || exit 255
  done
  cp "$jar" "$fresh/$folder/app/"
  cp -r "$home/target/native" "$fresh/$folder/app/"
  rm -r "$fresh/META-INF"
}

# A runtime of the modules that are used. Left out is what libraries use if it is there: Vert.x
# compiles verticles, Jackson and SnakeYAML look for JavaBeans and SQL's types, Netty tells the
# flight recorder.
link_runtime() {
  modules=$("$java_home/bin/jdeps" --multi-release "$min_java" --ignore-missing-deps --list-deps \
    "$fresh/$folder"/app/*.jar "$fresh/$folder"/app/lib/*.jar |
    sed 's/^ *//; s:/.*::' | sort -u | grep -E '^(java|jdk)\.' |
    grep -v -x -E 'java\.compiler|java\.desktop|java\.sql|java\.xml|jdk\.jfr' | tr '\n' ',')
  "$java_home/bin/jlink" --add-modules "${modules%,}" --strip-debug --no-header-files \
    --no-man-pages --output "$fresh/$folder/runtime" >/dev/null ||
    die "cannot link a runtime of ${modules%,}"
  # For those whose options our own caches don't fit.
  "$fresh/$folder/runtime/bin/java" -Xshare:dump -Xlog:disable >/dev/null ||
    die "cannot make the archive of the runtime's classes"
}

date_all() {
  find "$fresh/$folder" -exec touch -h -d "$stamp" {} +
}
