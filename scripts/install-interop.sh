#!/usr/bin/env bash
# Installs the peers for `npm run test:interop` from the registries of pip and cargo: the official SDK in two versions,
# and hosts built from the official crates (test/interop/rust-host). Everything goes into the folder SLABMEND_INTEROP,
# default .slabmend/interop of this clone; installed peers are kept.
#
#   scripts/install-interop.sh [sia-storage-0.13.1] [sia-storage-0.12.0] [rust-host]      default: all
#
# Needs Python 3.9 or newer with venv, and cargo 1.90 or newer.
set -euo pipefail

repository=$(cd "$(dirname "$0")/.." && pwd)
folder=${SLABMEND_INTEROP:-$repository/.slabmend/interop}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
exec 9>"$folder/lock"
if command -v flock >/dev/null; then flock 9; fi

say() { echo "install-interop: $*" >&2; }
fail() { say "$*"; exit 1; }

# install_sdk NAME: a virtual environment with the pinned wheel of test/interop/sdk/NAME.txt.
install_sdk() {
  local list=$repository/test/interop/sdk/$1.txt environment=$folder/$1
  if cmp -s "$list" "$environment/installed.txt"; then say "$1 is there"; return; fi
  python3 -c "import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 9))" 2>/dev/null ||
    fail "$1 needs Python 3.9 or newer with venv: install one"
  say "installing $1"
  rm -rf "$environment"
  python3 -m venv "$environment"
  "$environment/bin/python3" -m pip install --quiet --disable-pip-version-check --only-binary :all: --requirement "$list" ||
    fail "$1 could not be installed: check that there is a wheel for this machine, and that pip's registry can be reached"
  cp "$list" "$environment/installed.txt"
}

# sources_digest: the binary's name contains the digest of its sources, so that another clone can reuse it.
sources_digest() {
  (cd "$repository/test/interop/rust-host" && find Cargo.toml Cargo.lock src -type f | LC_ALL=C sort | xargs cat) |
    { sha256sum 2>/dev/null || shasum -a 256; } | cut -c 1-16
}

install_rust_host() {
  local binary
  binary=$folder/rust-host-$(sources_digest)
  if [ ! -x "$binary" ]; then
    command -v cargo >/dev/null || fail "rust-host needs cargo 1.90 or newer: install Rust"
    say "building rust-host"
    CARGO_TARGET_DIR=$folder/rust-target cargo build --quiet --release --locked \
      --manifest-path "$repository/test/interop/rust-host/Cargo.toml" ||
      fail "rust-host could not be built: check that cargo is 1.90 or newer, and that its registry can be reached"
    rm -f "$folder"/rust-host-*
    cp "$folder/rust-target/release/slabmend-interop-host" "$binary.part"
    mv "$binary.part" "$binary"
  else
    say "rust-host is already built"
  fi
  ln -sf "$(basename "$binary")" "$folder/rust-host"
}

[ $# -gt 0 ] || set -- sia-storage-0.13.1 sia-storage-0.12.0 rust-host
for peer in "$@"; do
  case $peer in
    sia-storage-0.13.1 | sia-storage-0.12.0) install_sdk "$peer" ;;
    rust-host) install_rust_host ;;
    *) fail "expected sia-storage-0.13.1, sia-storage-0.12.0 or rust-host, got \"$peer\"" ;;
  esac
done
