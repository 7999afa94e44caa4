#!/usr/bin/env bash
# Installs Debian's Chromium for `npm run test:browser` and scripts/write-screenshots.ts, and Inter, the font of the
# pictures. Does nothing if Chromium is installed.
#
#   scripts/install-chromium.sh
#
# Needs apt-get and root. Otherwise install Chromium yourself, and set SLABMEND_CHROMIUM if it is not in /usr/bin.
set -euo pipefail

say() { echo "install-chromium: $*" >&2; }

if [ -x "${SLABMEND_CHROMIUM:-/usr/bin/chromium}" ]; then say "already installed"; exit 0; fi
missing=()
command -v apt-get >/dev/null || missing+=("apt-get")
[ "$(id -u)" -eq 0 ] || missing+=("root")
if [ ${#missing[@]} -gt 0 ]; then
  say "Chromium is missing and cannot be installed without ${missing[*]}. Install it yourself, and set SLABMEND_CHROMIUM to its path."
  # Without it the browser tests are skipped, unless CI asks for them.
  [ "${SLABMEND_BROWSER_REQUIRED:-false}" = true ] && exit 1
  exit 0
fi
say "installing Debian's Chromium"
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq install --no-install-recommends -y chromium fonts-inter >/dev/null
