#!/usr/bin/env bash
# Unpacks Debian's Prometheus with promtool into SLABMEND_PROMETHEUS, default .slabmend/prometheus of this clone,
# without installing or starting anything. An unpacked Prometheus is kept.
#
#   scripts/install-prometheus.sh
#
# Needs apt-get and dpkg-deb.
set -euo pipefail

repository=$(cd "$(dirname "$0")/.." && pwd)
folder=${SLABMEND_PROMETHEUS:-$repository/.slabmend/prometheus}
if [ -x "$folder/usr/bin/promtool" ]; then echo "install-prometheus: already unpacked" >&2; exit 0; fi
mkdir -p "$folder"
cd "$folder"
apt-get download --quiet prometheus 2>/dev/null || { apt-get update --quiet >/dev/null; apt-get download --quiet prometheus; }
dpkg-deb -x prometheus_*.deb .
rm prometheus_*.deb
./usr/bin/promtool --version 2>&1 | head -1
