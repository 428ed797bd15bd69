# Shared by quickstart.sh and test.sh: what a fresh Debian 12 lacks, and how to build.
# To be sourced by bash with `set -eu`; $work is a directory for logs.
# shellcheck shell=bash disable=SC2034,SC2154 # build_packages is for the sourcing script, $work from it

build_packages=(gcc make autoconf automake libtool pkg-config libpcap-dev libnet1-dev
    libconfig-dev libsqlite3-dev libarchive-dev libjansson-dev libcap-ng-dev libseccomp-dev libsodium-dev libndpi-dev libgsl-dev
    libxdp-dev libbpf-dev)

die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

need_root() {
    [ "$(id -u)" = 0 ] || die "must run as root: sudo $0"
}

# install_packages PACKAGE...: with apt-get, those that are missing. Starts no service: Debian's
# packages ask policy-rc.d first.
install_packages() {
    local missing=() package policy=/usr/sbin/policy-rc.d ours=no status=0

    for package in "$@"; do
        dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
            missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null || die "these Debian packages are missing: ${missing[*]}"
    printf 'installing %s\n' "${missing[*]}"
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod 755 $policy
        ours=yes
    fi
    { DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 update &&
        DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 install \
            --no-install-recommends "${missing[@]}"; } >"$work/apt.log" 2>&1 || status=$?
    [ $ours = no ] || rm -f $policy
    [ $status = 0 ] || { tail -n 20 "$work/apt.log" >&2; die "apt-get failed"; }
}

# copy_source FROM TO: the source as it is, but nothing that was built in it: configure would refuse, and
# make would take old objects for new ones.
copy_source() {
    cp -a "$1" "$2"
    [ ! -e "$2/Makefile" ] || make -s -C "$2" distclean >/dev/null 2>&1 || rm -f "$2/Makefile"
    rm -f "$2/config.status"
}

# build SOURCE BUILD LOG [CONFIGURE OPTION...]: makes everything in the directory BUILD.
build() {
    local source=$1 directory=$2 log=$3
    shift 3
    mkdir -p "$directory"
    ( cd "$directory" && "$source/configure" "$@" && make -j"$(nproc)" ) >"$log" 2>&1 ||
        { grep -E 'error|warning' "$log" | head -n 20 >&2; tail -n 5 "$log" >&2; die "the build failed"; }
}
