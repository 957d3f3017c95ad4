#!/usr/bin/env bash
# For action.yml: puts the programs of this very commit on the runner's PATH. `--source-hash` only prints the hash that a
# manifest must name.
#
# A prebuilt archive is used only if dist/manifest.txt, which is part of the pinned commit, names the hash of the sources
# in that commit. If the archive's checksum is not the one in the manifest, the step fails, in every mode.
set -euo pipefail
unset ENV BASH_ENV CDPATH
tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

escape() { local text=${1//'%'/%25}; text=${text//$'\r'/%0D}; printf '%s' "${text//$'\n'/%0A}"; }
stop() { printf '::error title=coalmine::%s\n' "$(escape "$1")"; exit 1; }
warn() { printf '::warning title=coalmine::%s\n' "$(escape "$1")"; }
sha256() { if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi; }

# Hashes everything that the programs are compiled from, with the file names, so that a moved file counts too.
source_hash() (
  cd "$tree"
  find Cargo.toml Cargo.lock rust-toolchain.toml bins src ! -type d | LC_ALL=C sort | while IFS= read -r file; do
    sha256 "$file"
  done | sha256 | cut -d ' ' -f 1
)

if [ "${1-}" = --source-hash ]; then source_hash; exit; fi
: "${RUNNER_TEMP:?}" "${GITHUB_PATH:?}" "${GITHUB_OUTPUT:?}"
mode=${COALMINE_MODE:-auto} mirror=${COALMINE_MIRROR:-} manifest=$tree/dist/manifest.txt
case $mode in auto | prebuilt | source) ;; *) stop "mode is \`$mode\`: write auto, prebuilt or source" ;; esac
case $mirror in
  '' | https://* | /*) ;;
  *) stop "mirror is \`$mirror\`: write https://... or the absolute path of a folder" ;;
esac

root=$(mktemp -d "$RUNNER_TEMP/coalmine.XXXXXX")
mkdir "$root/bin"

# The value that stands after a word in the manifest.
said() { sed -n "s/^$1 //p" "$manifest" | head -n 1; }

# Sets `asset` and `checksum`, or says why there is no archive for these sources on this machine.
choose() {
  local target
  [ -f "$manifest" ] || { echo "this commit names no prebuilt archive"; return 1; }
  [ "$(said source)" = "$(source_hash)" ] || { echo "the prebuilt archives are of other sources than this commit's"; return 1; }
  case ${RUNNER_OS:-}-${RUNNER_ARCH:-} in
    Linux-X64) target=x86_64-unknown-linux-musl ;;
    Linux-ARM64) target=aarch64-unknown-linux-musl ;;
    macOS-ARM64) target=aarch64-apple-darwin ;;
    *) echo "there is no prebuilt archive for ${RUNNER_OS:-an unnamed system} on ${RUNNER_ARCH:-an unnamed processor}"; return 1 ;;
  esac
  asset=$(sed -n "s/^[0-9a-f]\{64\}  \(coalmine-[A-Za-z0-9.+-]*-$target\.tar\.gz\)\$/\1/p" "$manifest" | head -n 1)
  [ -n "$asset" ] || { echo "the manifest names no archive for $target"; return 1; }
  checksum=$(sed -n "s/^\([0-9a-f]\{64\}\)  $asset\$/\1/p" "$manifest" | head -n 1)
}

fetch() {
  local from=${mirror:-$(said url)}
  case $from in
    /*) cp "$from/$asset" "$root/$asset" ;;
    https://*)
      curl --proto '=https' --tlsv1.2 -fsSL --retry 5 --connect-timeout 20 --max-time 300 \
        --output "$root/$asset" "${from%/}/$asset"
      ;;
    *) echo "the manifest names no https address"; return 1 ;;
  esac
}

prebuilt() {
  local found
  choose >"$root/why" || return 1
  fetch >"$root/why" 2>&1 || { echo "$asset cannot be fetched: $(tail -n 1 "$root/why")" >"$root/why.new"; mv "$root/why.new" "$root/why"; return 1; }
  found=$(sha256 "$root/$asset" | cut -d ' ' -f 1)
  [ "$found" = "$checksum" ] || stop "$asset has sha256 $found, and this commit was built to $checksum: not installed"
  # `set -e` does not work in a function that an `if` calls.
  tar -xzf "$root/$asset" -C "$root" --strip-components 1 --no-same-owner || stop "$asset cannot be unpacked"
  rm -f "$root/$asset"
}

# Why nothing prebuilt was taken.
why() { if [ -s "$root/why" ]; then cat "$root/why"; else echo "mode is source"; fi; }

from_source() {
  [ "${RUNNER_OS:-}" != Windows ] || stop "Windows is not supported: use a Linux or macOS runner"
  command -v cargo >/dev/null || stop "cargo is not on PATH, and $(why): use a runner with Rust, or pin a commit whose dist/manifest.txt names an archive for this machine"
  # rustup looks for rust-toolchain.toml in the current folder.
  cd "$tree"
  CARGO_TARGET_DIR=$root/target cargo install --locked --path . --root "$root"
  rm -rf "$root/target"
}

taken=source
if [ "$mode" = source ]; then
  from_source
elif prebuilt; then
  taken=prebuilt
elif [ "$mode" = prebuilt ]; then
  stop "$(cat "$root/why")"
else
  warn "$(cat "$root/why"); building from source"
  from_source
fi
rm -f "$root/why"

version=$("$root/bin/release-status" --version) || stop "release-status does not run here"
echo "$root/bin" >>"$GITHUB_PATH"
{
  echo "version=${version##* }"
  echo "bin-dir=$root/bin"
  echo "source=$taken"
} >>"$GITHUB_OUTPUT"
