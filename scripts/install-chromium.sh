#!/usr/bin/env bash
# Installs what `npm run test:browser` and scripts/write-screenshots.ts drive: Debian's Chromium, and Inter, the font of the
# pictures. What is there already stays.
#
#   scripts/install-chromium.sh
#
# Needs apt-get and root. Elsewhere install Chromium in any way, and set SLABMEND_CHROMIUM when it is not in /usr/bin.
set -euo pipefail

say() { echo "install-chromium: $*" >&2; }

if [ -x "${SLABMEND_CHROMIUM:-/usr/bin/chromium}" ]; then say "it is there"; exit 0; fi
missing=()
command -v apt-get >/dev/null || missing+=("apt-get")
[ "$(id -u)" -eq 0 ] || missing+=("root")
if [ ${#missing[@]} -gt 0 ]; then
  say "no Chromium, and it cannot be installed here without: ${missing[*]}. Install it, and set SLABMEND_CHROMIUM to its path."
  # Without it the browser tests are skipped, unless CI asks for them.
  [ "${SLABMEND_BROWSER_REQUIRED:-false}" = true ] && exit 1
  exit 0
fi
say "installing Debian's Chromium"
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq install --no-install-recommends -y chromium fonts-inter >/dev/null
