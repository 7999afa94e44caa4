#!/usr/bin/env bash
# Builds infra/container/Dockerfile without a container engine, starts its content as its user on a read-only root,
# checks its health and ends it by SIGTERM. Needs root, buildah and debootstrap (Debian packages) and a mirror of
# Debian; if one of these is missing, the script says so and exits with 0, unless SLABMEND_CONTAINER_REQUIRED is set.
# The base image, Debian with this project's Node.js, is kept in SLABMEND_CONTAINER, default .slabmend/container.
#
#   scripts/test-container.sh [ARCHIVE]     ARCHIVE: also write the image there, for podman load or docker load
set -euo pipefail

repository=$(cd "$(dirname "$0")/.." && pwd)
cd "$repository"
archive=${1:-}
skip() {
  echo "test-container: skipped: $1"
  if [ -n "${SLABMEND_CONTAINER_REQUIRED:-}" ]; then exit 1; else exit 0; fi
}
[ "$(id -u)" = 0 ] || skip "not root: debootstrap and chroot need it"
for tool in buildah debootstrap unshare; do command -v "$tool" >/dev/null || skip "no $tool"; done

folder=${SLABMEND_CONTAINER:-$repository/.slabmend/container}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
storage=(--root "$folder/storage" --runroot "$folder/run")
container=""
server=""
work=$(mktemp -d)
cleanup() {
  [ -z "$server" ] || kill -KILL "$server" 2>/dev/null || true
  [ -z "$container" ] || buildah "${storage[@]}" rm "$container" >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap cleanup EXIT

base=$folder/base
if [ ! -e "$base/complete" ]; then
  mirror=$({ cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null || true; } | awk '/^deb /{print $2; exit} /^URIs:/{print $2; exit}')
  [ -n "$mirror" ] || skip "apt knows no mirror of Debian"
  rm -rf "$base"
  debootstrap --variant=minbase --include=libstdc++6,ca-certificates bookworm "$base" "$mirror" >"$folder/debootstrap.log" 2>&1 \
    || skip "debootstrap: $(tail -n 1 "$folder/debootstrap.log")"
  touch "$base/complete"
fi
# The official image has its own Node.js and npm; here this machine's are used.
cp "$(node_modules/.bin/node -p process.execPath)" "$base/usr/local/bin/node"
rm -rf "$base/usr/local/lib/npm"
cp -rL "$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")" "$base/usr/local/lib/npm"
printf '#!/bin/sh\nexec node /usr/local/lib/npm/bin/npm-cli.js "$@"\n' >"$base/usr/local/bin/npm"
chmod 755 "$base/usr/local/bin/npm"
# This machine may reach the registry through a proxy with its own certificate authority.
cp -L /etc/ssl/certs/ca-certificates.crt "$base/etc/ssl/certs/ca-certificates.crt"

node_modules/.bin/node scripts/build-package.ts "$work/package"
printf 'FROM scratch\nCOPY . /\nENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt\n' >"$work/base.Dockerfile"
buildah "${storage[@]}" bud --quiet --format docker -f "$work/base.Dockerfile" -t slabmend-base "$base" >/dev/null
version=$(node_modules/.bin/node -p 'require("./package.json").version')
registry=$(npm config get registry)
buildah "${storage[@]}" bud --layers=false --format docker --build-arg BASE=localhost/slabmend-base --env "npm_config_registry=$registry" \
  -f infra/container/Dockerfile -t "slabmend:$version" "$work/package" >"$folder/build.log" 2>&1 || { tail -n 20 "$folder/build.log" >&2; exit 1; }
[ -z "$archive" ] || buildah "${storage[@]}" push "slabmend:$version" "docker-archive:$archive:slabmend:$version" >/dev/null

container=$(buildah "${storage[@]}" from "slabmend:$version")
buildah "${storage[@]}" inspect --type image "slabmend:$version" >"$work/image.json"
node_modules/.bin/node --input-type=module -e '
  import assert from "node:assert/strict";
  import { readFileSync } from "node:fs";
  const { User, Entrypoint, Healthcheck } = JSON.parse(readFileSync(process.argv[1], "utf8")).Docker.config;
  assert.equal(User, "10001:10001");
  assert.deepEqual(Entrypoint, ["node", "/opt/slabmend/bin/slabmend.js"]);
  assert.match(String(Healthcheck.Test), /healthz/);
' "$work/image.json"
user=10001:10001
root=$(buildah "${storage[@]}" mount "$container")

SLABMEND_IMAGE_ROOT=$root SLABMEND_IMAGE_USER=$user node_modules/.bin/node scripts/run-image.ts &
server=$!
wait "$server"
server=""
echo "slabmend:$version: built, $(du -sm "$root/opt/slabmend" | cut -f1) MB beside Debian and Node.js"
