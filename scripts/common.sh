# Sourced by the other scripts: where things are, packages of the system, steps with their seconds.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
env_file=$target/bhscore-env

# rustup installs here without touching the PATH of running shells.
case :$PATH: in
*:"$HOME/.cargo/bin":*) ;;
*) export PATH="$PATH:$HOME/.cargo/bin" ;;
esac

say() { printf '%s\n' "$*"; }

fail() {
    printf '%s: error: %s\n' "${0##*/}" "$*" >&2
    exit 2
}

# as_root COMMAND...: only where that needs no password.
as_root() {
    if [[ $(id -u) == 0 ]]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

can_apt() {
    command -v apt-get >/dev/null || return 1
    [[ $(id -u) == 0 ]] || { command -v sudo >/dev/null && sudo -n true 2>/dev/null; }
}

apt_updated=no
apt_install() {
    can_apt || return 1
    say "installing $* with apt-get"
    if [[ $apt_updated == no ]]; then
        as_root apt-get update -qq || return 1
        apt_updated=yes
    fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# step NAME COMMAND...: run it, and say how long it took. Its failure ends the script, with 2 where something is missing.
step() {
    local name=$1 start=$SECONDS status=0
    shift
    printf '== %s\n' "$name"
    "$@" || status=$?
    if [[ $status != 0 ]]; then
        printf '== %s: FAILED after %d s (status %d)\n' "$name" $((SECONDS - start)) "$status" >&2
        exit $((status == 2 ? 2 : 1))
    fi
    printf '== %s: ok, %d s\n' "$name" $((SECONDS - start))
}

# Flags and variables that scripts/setup found necessary for cargo on this machine.
load_env() {
    export BHSCORE_CARGO_FLAGS='' BHSCORE_LAPACK=no
    # shellcheck source=/dev/null
    source "$env_file"
    # shellcheck disable=SC2034  # for the scripts that source this file
    read -r -a cargo_flags <<<"$BHSCORE_CARGO_FLAGS"
}
