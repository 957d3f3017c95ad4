#!/usr/bin/env bash
# Installs the programs of this very commit: for action.yml onto the runner's PATH, and anywhere else with
#   scripts/install.sh --to DIR        into DIR/bin
#   scripts/install.sh --source-hash   prints the hash that a manifest must name, and installs nothing
# COALMINE_MODE is auto, prebuilt or source; COALMINE_MIRROR is a folder or an https address with the archives.
#
# A prebuilt archive is used only if dist/manifest.txt, which is part of the pinned commit, names the hash of the sources
# in that commit. If the archive's checksum is not the one in the manifest, nothing is installed, in every mode.
set -euo pipefail
unset ENV BASH_ENV CDPATH
tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

escape() { local text=${1//'%'/%25}; text=${text//$'\r'/%0D}; printf '%s' "${text//$'\n'/%0A}"; }
# On a runner it becomes an annotation; elsewhere it is a message.
tell() {
  if [ "${GITHUB_ACTIONS:-}" = true ]; then printf '::%s title=coalmine::%s\n' "$1" "$(escape "$2")"; else printf '%s: %s\n' "$1" "$2" >&2; fi
}
stop() { tell error "$1"; exit 1; }
warn() { tell warning "$1"; }
sha256() { if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi; }

# Hashes everything that the programs are compiled from, with the file names, so that a moved file counts too.
source_hash() (
  cd "$tree"
  find Cargo.toml Cargo.lock rust-toolchain.toml bins src ! -type d | LC_ALL=C sort | while IFS= read -r file; do
    sha256 "$file"
  done | sha256 | cut -d ' ' -f 1
)

to=
case ${1-} in
  --source-hash) source_hash; exit ;;
  --to)
    to=${2:?a folder}
    mkdir -p "$to"
    to=$(cd "$to" && pwd)
    root=$(mktemp -d "$to/.coalmine.XXXXXX")
    trap 'rm -rf "$root"' EXIT
    ;;
  '')
    [ -n "${RUNNER_TEMP:-}" ] && [ -n "${GITHUB_PATH:-}" ] && [ -n "${GITHUB_OUTPUT:-}" ] ||
      stop "this is no GitHub runner: say where to install, as in \`scripts/install.sh --to /usr/local\`"
    root=$(mktemp -d "$RUNNER_TEMP/coalmine.XXXXXX")
    ;;
  *) stop "\`$1\` is not known: write --to DIR or --source-hash" ;;
esac
mode=${COALMINE_MODE:-auto} mirror=${COALMINE_MIRROR:-} manifest=$tree/dist/manifest.txt
case $mode in auto | prebuilt | source) ;; *) stop "mode is \`$mode\`: write auto, prebuilt or source" ;; esac
case $mirror in
  '' | https://* | /*) ;;
  *) stop "mirror is \`$mirror\`: write https://... or the absolute path of a folder" ;;
esac
mkdir "$root/bin"

# The value that stands after a word in the manifest.
said() { sed -n "s/^$1 //p" "$manifest" | head -n 1; }

# Sets `asset` and `checksum`, or says why there is no archive for these sources on this machine.
choose() {
  local target
  [ -f "$manifest" ] || { echo "this commit names no prebuilt archive"; return 1; }
  [ "$(said source)" = "$(source_hash)" ] || { echo "the prebuilt archives are of other sources than this commit's"; return 1; }
  case ${RUNNER_OS:-$(uname -s)}-${RUNNER_ARCH:-$(uname -m)} in
    Linux-X64 | Linux-x86_64) target=x86_64-unknown-linux-musl ;;
    Linux-ARM64 | Linux-aarch64) target=aarch64-unknown-linux-musl ;;
    macOS-ARM64 | Darwin-arm64) target=aarch64-apple-darwin ;;
    *) echo "there is no prebuilt archive for ${RUNNER_OS:-$(uname -s)} on ${RUNNER_ARCH:-$(uname -m)}"; return 1 ;;
  esac
  asset=$(sed -n "s/^[0-9a-f]\{64\}  \(coalmine-[A-Za-z0-9.+-]*-$target\.tar\.gz\)\$/\1/p" "$manifest" | head -n 1)
  [ -n "$asset" ] || { echo "the manifest names no archive for $target"; return 1; }
  checksum=$(sed -n "s/^\([0-9a-f]\{64\}\)  $asset\$/\1/p" "$manifest" | head -n 1)
}

download() {
  if command -v curl >/dev/null; then
    curl --proto '=https' --tlsv1.2 -fsSL --retry 5 --connect-timeout 20 --max-time 300 --output "$2" "$1"
  elif command -v wget >/dev/null; then
    wget --https-only --quiet --tries 5 --timeout 60 --output-document "$2" "$1"
  else
    echo "there is neither curl nor wget"
    return 1
  fi
}

fetch() {
  local from=${mirror:-$(said url)}
  case $from in
    /*) cp "$from/$asset" "$root/$asset" ;;
    https://*) download "${from%/}/$asset" "$root/$asset" ;;
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

# Takes what another job of this run has built, if it was handed over.
shared=${RUNNER_TEMP:-}/coalmine-shared/programs.tar.gz
handed_over() {
  [ -n "${COALMINE_BUILT:-}" ] && [ -f "$shared" ] || return 1
  local found
  found=$(sha256 "$shared" | cut -d ' ' -f 1)
  [ "$found" = "$COALMINE_BUILT" ] || stop "the programs of another job have sha256 $found, and that job built $COALMINE_BUILT: not installed"
  tar -xzf "$shared" -C "$root" --no-same-owner || stop "the programs of another job cannot be unpacked"
}

# Why nothing prebuilt was taken.
why() { if [ -s "$root/why" ]; then cat "$root/why"; else echo "mode is source"; fi; }

from_source() {
  [ "${RUNNER_OS:-}" != Windows ] || stop "Windows is not supported: use a Linux or macOS runner"
  command -v cargo >/dev/null || stop "cargo is not on PATH, and $(why): use a machine with Rust, or a commit whose dist/manifest.txt names an archive for this one"
  # rustup looks for rust-toolchain.toml in the current folder.
  cd "$tree"
  CARGO_TARGET_DIR=$root/target cargo install --locked --path . --root "$root"
  rm -rf "$root/target"
}

taken=source built=
if [ "$mode" != prebuilt ] && handed_over; then
  echo "these programs were built by another job of this run"
elif [ "$mode" = source ]; then
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

if [ -n "$to" ]; then
  mkdir -p "$to/bin"
  # Each is replaced whole: a program that is running keeps its file.
  for program in "$root"/bin/*; do mv -f "$program" "$to/bin/"; done
  echo "coalmine ${version##* } is in $to/bin ($taken)"
  case :$PATH: in *:"$to/bin":*) ;; *) echo "put it on PATH: export PATH=\"$to/bin:\$PATH\"" ;; esac
  exit
fi
if [ "$taken" = source ] && [ "${COALMINE_SHARE:-}" = true ]; then
  mkdir -p "$(dirname "$shared")"
  tar -czf "$shared" -C "$root" bin
  built=$(sha256 "$shared" | cut -d ' ' -f 1)
fi
echo "$root/bin" >>"$GITHUB_PATH"
{
  echo "version=${version##* }"
  echo "bin-dir=$root/bin"
  echo "source=$taken"
  echo "built=$built"
} >>"$GITHUB_OUTPUT"
