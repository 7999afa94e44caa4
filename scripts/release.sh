#!/usr/bin/env bash
# Makes a release from a tag: checks that tag, version and changelog agree, runs the tests, and puts package, image and
# checksums into a folder. Nothing is published. docs/releases.md.
#
#   scripts/release.sh vX.Y.Z FOLDER
#
# SLABMEND_RELEASE_TESTS: the test command; default: .ci/run
set -euo pipefail

fail() { echo "release: $1" >&2; exit "${2:-1}"; }
[ $# -eq 2 ] || fail "expected a tag and a folder: scripts/release.sh vX.Y.Z FOLDER" 2
tag=$1
[[ $tag =~ ^v[0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "tag: expected vX.Y.Z, got $tag" 2
cd "$(dirname "$0")/.."
mkdir -p "$2"
folder=$(cd "$2" && pwd)
[ -z "$(ls -A "$folder")" ] || fail "$folder: expected an empty folder" 2

commit=$(git rev-parse --verify --quiet "refs/tags/$tag^{commit}") || fail "$tag: expected a tag of this repository, got none"
clone=$(mktemp -d)
trap 'rm -rf "$clone"' EXIT
chmod 755 "$clone"
# Uses the tagged commit, not this working tree.
git clone --quiet . "$clone/slabmend"
cd "$clone/slabmend"
git checkout --quiet "$commit"

version=$(node -p 'require("./package.json").version')
[ "v$version" = "$tag" ] || fail "package.json: expected version ${tag#v}, got $version"
grep -qF "## [$version]" CHANGELOG.md || fail "CHANGELOG.md: expected a section ## [$version], got none"
grep -qF "version(\"$version\"" lib/cli/command-line.ts || fail "lib/cli/command-line.ts: expected --version to print $version"

bash -c "${SLABMEND_RELEASE_TESTS:-.ci/run}" || fail "the tests failed"
[ -d node_modules ] || npm ci --no-audit --no-fund --silent
node_modules/.bin/node scripts/build-package.ts "$clone/package"
npm pack --silent "$clone/package" --pack-destination "$folder"
# If no image can be built, test-container.sh says so, and the release has none.
bash scripts/test-container.sh "$folder/slabmend-$version-image.tar"
cp infra/systemd/slabmend.service "$folder"
# compose.yaml together with the files that it mounts, under the same paths.
tar -czf "$folder/slabmend-$version-compose.tgz" -C infra container/compose.yaml monitoring
awk -v from="## [$version]" 'index($0, from) == 1 { on = 1; next } /^## \[/ { on = 0 } on' CHANGELOG.md >"$folder/CHANGES.md"
(cd "$folder" && sha256sum -- * >SHA256SUMS)
echo "$tag ($commit) is in $folder:"
ls "$folder"
