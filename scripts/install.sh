#!/usr/bin/env bash
# For action.yml: builds the programs of this commit and puts them on the runner's PATH.
set -euo pipefail
source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
command -v cargo >/dev/null || { echo "::error title=coalmine::cargo is not on PATH: install Rust first"; exit 1; }
: "${RUNNER_TEMP:?}" "${GITHUB_PATH:?}" "${GITHUB_OUTPUT:?}"

root=$(mktemp -d "$RUNNER_TEMP/coalmine.XXXXXX")
# From the folder itself: that is where rustup finds rust-toolchain.toml.
cd "$source_dir"
CARGO_TARGET_DIR=$root/target cargo install --locked --path . --root "$root"
rm -rf "$root/target"

version=$("$root/bin/release-status" --version)
echo "$root/bin" >>"$GITHUB_PATH"
{
  echo "version=${version##* }"
  echo "bin-dir=$root/bin"
} >>"$GITHUB_OUTPUT"
