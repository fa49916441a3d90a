#!/bin/sh
# Makes the libraries of this folder from quit.c, for both architectures:
#
#   apt-get install gcc gcc-x86-64-linux-gnu gcc-aarch64-linux-gnu && src/main/native/build.sh
#
# They are kept in the repository, as a build of Runnel needs no C compiler otherwise.
set -e
cd "${0%/*}"
for arch in x86_64:amd64 aarch64:aarch64; do
  "${arch%:*}-linux-gnu-gcc" -std=c11 -Wall -Wextra -Werror -Os -shared -nostdlib -fPIC \
    -fvisibility=hidden -fno-stack-protector -fno-asynchronous-unwind-tables \
    -Wl,--hash-style=gnu,--build-id=none,-z,noseparate-code,-z,norelro,-z,noexecstack,-s \
    -o "quit-${arch#*:}.so" quit.c
done
