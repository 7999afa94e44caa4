#!/usr/bin/env bash
# Installs the emulators of AWS for `npm run test:aws`, without Docker and without root: MiniStack, and LocalStack for
# its SQS. Everything goes into the folder SLABMEND_EMULATORS, default .slabmend/emulators of this clone; installed
# emulators are kept.
#
#   scripts/install-emulators.sh [ministack] [localstack]      default: both
#
# Uses this machine's configuration of pip and apt-get. LocalStack needs Python 3.13; if this machine has none, Debian
# 13's is unpacked into the folder.
set -euo pipefail

repository=$(cd "$(dirname "$0")/.." && pwd)
folder=${SLABMEND_EMULATORS:-$repository/.slabmend/emulators}
requirements=$repository/test/aws/emulators
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
exec 9>"$folder/lock"
if command -v flock >/dev/null; then flock 9; fi

say() { echo "install-emulators: $*" >&2; }
fail() { say "$*"; exit 1; }

# is_new_enough PYTHON MINOR: succeeds if it runs and is 3.MINOR or newer
is_new_enough() { "$1" -c "import sys; sys.exit(sys.version_info < (3, $2))" >/dev/null 2>&1; }

# can_make_environments PYTHON: Debian's own needs python3-venv for this.
can_make_environments() { "$1" -c "import ensurepip, venv" >/dev/null 2>&1; }

# find_python MINOR: prints the first Python of this machine that is new enough and can make environments, or nothing.
find_python() {
  local candidate
  for candidate in python3 python3.14 python3.13 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[3-9]*/bin/python3; do
    if is_new_enough "$candidate" "$1" && can_make_environments "$candidate"; then command -v "$candidate"; return; fi
  done
}

# unpack_debian_python: unpacks, but does not install, Debian 13's Python and its libraries. apt checks the archive's
# signature as usual; the mirror is that of this machine's apt.
unpack_debian_python() {
  local tree=$folder/python apt=$folder/apt mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  if is_new_enough "$tree/usr/bin/python3" 13; then return; fi
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null && [ -r $keyring ] || return 1
  mirror=$(sources=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list 2>/dev/null || true)
    awk '$1 == "URIs:" { print $2; exit } $1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /^[a-z]+:\//) { print $i; exit } }' <<<"$sources")
  [ -n "$mirror" ] || return 1
  say "unpacking Debian 13's Python"
  rm -rf "$tree" "$apt"
  mkdir -p "$tree" "$apt/lists/partial" "$apt/cache/archives/partial"
  : >"$apt/status" # an empty status: apt then resolves all dependencies, including libc
  echo "deb [signed-by=$keyring] $mirror trixie main" >"$apt/sources.list"
  local options=(
    -qq -o "Dir::State=$apt" -o "Dir::State::Lists=$apt/lists" -o "Dir::State::status=$apt/status" -o "Dir::Cache=$apt/cache"
    -o "Dir::Etc::SourceList=$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::Etc::PreferencesParts=/dev/null
    -o Acquire::Languages=none -o "APT::Sandbox::User=$(id -un)"
  )
  apt-get "${options[@]}" update
  apt-get "${options[@]}" install --download-only --no-install-recommends -y python3.13 python3-pip-whl
  local package
  for package in "$apt"/cache/archives/*.deb; do dpkg-deb -x "$package" "$tree"; done
  rm -rf "$apt"
  # Started by its own loader with its own libraries; it finds its modules by argv[0], also in a venv.
  cat >"$tree/usr/bin/python3" <<'WRAPPER'
#!/bin/sh
usr=$(dirname "$(dirname "$(readlink -f "$0")")")
for loader in "$usr"/lib*/ld-linux-*.so.*; do
  for libraries in "$usr"/lib/*-linux-gnu; do
    exec "$loader" --library-path "$libraries" --argv0 "$0" "$usr/bin/python3.13" "$@"
  done
done
WRAPPER
  chmod 755 "$tree/usr/bin/python3"
  is_new_enough "$tree/usr/bin/python3" 13 || return 1
}

# install NAME PYTHON: a virtual environment with the pinned requirements of test/aws/emulators/NAME.txt.
install() {
  local name=$1 python=$2 environment=$folder/$1 list=$requirements/$1.txt
  if cmp -s "$list" "$environment/installed.txt"; then say "$name is already installed"; return; fi
  say "installing $name"
  rm -rf "$environment"
  local pip=("$environment/bin/python3" -m pip)
  if [[ $python == "$folder"/* ]]; then
    # Debian has pip for virtual environments in a separate package, at an absolute path.
    "$python" -m venv --without-pip "$environment"
    pip=("$environment/bin/python3" "$(echo "$folder"/python/usr/share/python-wheels/pip-*.whl)/pip")
  else
    "$python" -m venv "$environment"
  fi
  "${pip[@]}" install --quiet --only-binary :all: --requirement "$list"
  cp "$list" "$environment/installed.txt"
}

# install_with NAME MINOR: uses this machine's Python if possible, else Debian's.
install_with() {
  local python
  python=$(find_python "$2")
  if [ -z "$python" ]; then
    unpack_debian_python || fail "$1 needs Python 3.$2 or newer with venv, and Debian's could not be unpacked: install one"
    python=$folder/python/usr/bin/python3
  fi
  install "$1" "$python"
}

install_ministack() { install_with ministack 10; }
install_localstack() { install_with localstack 13; }

[ $# -gt 0 ] || set -- ministack localstack
for emulator in "$@"; do
  case $emulator in
    ministack | localstack) "install_$emulator" ;;
    *) fail "expected ministack or localstack, got \"$emulator\"" ;;
  esac
done
