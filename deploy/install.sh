#!/bin/sh
# Installs gatewatch on a running gateway, from the unpacked tarball that contains this script. As root:
#   ./install.sh              install or upgrade: verify checksums, start the agent, revert if it does not start
#   ./install.sh --key FILE   the same; first verify the signature of the checksums with this public key
#   ./install.sh --journal    the same; also allow the agent to read the journal (the log of every service)
#   ./install.sh undo         revert to the executable and unit from before the last installation
#   ./install.sh uninstall    stop and remove the agent; keep configuration and counters
#   ./install.sh purge        stop and remove the agent, its configuration and its counters
# Only purge changes the counters in /var/lib/gatewatch. An existing configuration, and access to the journal, are kept.
# A partition that holds the counters (README, 'gatewatch help format') is never changed, nor are its drop-in and udev rule.
# If /etc/gatewatch/release.pub exists, it is the key, and an unsigned copy is refused. This script is itself part of the
# tarball: if you do not trust where the tarball is from, verify that first, with the SHA256SUMS and SHA256SUMS.sig beside it.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
bin=/usr/bin/gatewatch
unit=/etc/systemd/system/gatewatch.service
sysusers=/usr/lib/sysusers.d/gatewatch.conf
config=/etc/gatewatch/config.json
journal=$unit.d/journal.conf
with_journal=
key=/etc/gatewatch/release.pub
[ -e "$key" ] || [ -L "$key" ] || key=

say() { echo "gatewatch: $*"; }
die() { echo "gatewatch: $*" >&2; exit 1; }

# Half an installation, or half a removal, is worse than none.
check_writable() {
  for directory in /etc /usr/bin /usr/lib; do
    probe=$directory/.gatewatch-install
    if ! (: > "$probe") 2>/dev/null; then
      die "cannot write to $directory; nothing was changed. If the root file system is read-only, run: mount -o remount,rw / and repeat this"
    fi
    rm -f "$probe"
  done
}

# Replaces a file atomically, and keeps the old one as .previous.
replace() { # FROM TO MODE
  mkdir -p "$(dirname "$2")"
  rm -f "$2.new"
  cp "$1" "$2.new" || die "cannot write $2; is $(dirname "$2") on a read-only file system?"
  chmod "$3" "$2.new"
  if [ -e "$2" ]; then ln -f "$2" "$2.previous" 2>/dev/null || cp -p "$2" "$2.previous"; fi
  mv -f "$2.new" "$2"
}

verify() {
  [ -z "$key" ] || verify_signature
  (cd "$here" && sha256sum -c SHA256SUMS >/dev/null 2>&1) || die "checksums do not match: this copy is damaged; nothing was changed"
}

verify_signature() {
  [ -r "$key" ] || die "cannot read the key $key; nothing was changed"
  [ -e "$here/SHA256SUMS.sig" ] || die "this copy is not signed, but the key $key requires a signature; nothing was changed"
  command -v openssl >/dev/null || die "openssl is missing, which the signature check with the key $key requires; nothing was changed"
  reason=$(openssl pkeyutl -verify -pubin -inkey "$key" -rawin -in "$here/SHA256SUMS" -sigfile "$here/SHA256SUMS.sig" 2>&1) ||
    die "the signature does not match the key $key; nothing was changed: $(echo "$reason" | head -n 1)"
}

make_user() {
  if command -v systemd-sysusers >/dev/null; then
    systemd-sysusers "$here/gatewatch.sysusers.conf"
  elif ! id gatewatch >/dev/null 2>&1; then
    useradd --system --home-dir /var/lib/gatewatch --shell /usr/sbin/nologin gatewatch 2>/dev/null ||
      adduser -S -D -H -h /var/lib/gatewatch -s /bin/false gatewatch || die "cannot create the user gatewatch"
  fi
}

# systemd does not start a unit that names an unknown group (216/GROUP).
check_journal_group() {
  if command -v getent >/dev/null; then getent group systemd-journal >/dev/null; else grep -q '^systemd-journal:' /etc/group; fi ||
    die "--journal: this machine has no group systemd-journal, without which the agent would not start; nothing was changed"
}

# Sets `added` if there was no such drop-in.
allow_journal() {
  [ -e "$journal" ] || added=$journal
  mkdir -p "$unit.d"
  cp "$here/drop-ins/journal.conf" "$journal.new"
  chmod 644 "$journal.new"
  mv -f "$journal.new" "$journal"
}

# The unit has Type=notify: this returns when the agent is ready, or when it has failed to start.
start() {
  systemctl daemon-reload
  systemctl enable --quiet gatewatch.service
  systemctl restart gatewatch.service
}

revert() {
  [ -e "$bin.previous" ] || return 1
  mv -f "$bin.previous" "$bin"
  if [ -e "$unit.previous" ]; then mv -f "$unit.previous" "$unit"; fi
  start
}

install() {
  if dpkg-query -W -f '${db:Status-Status}' gatewatch 2>/dev/null | grep -qx installed; then
    die "gatewatch is installed as a Debian package; upgrade it with apt or dpkg"
  fi
  verify
  if [ -n "$with_journal" ]; then check_journal_group; fi
  version=$("$here/gatewatch" version 2>&1) || die "this executable does not run on this machine; nothing was changed: $version"
  check_writable
  make_user
  rm -f "$bin.previous" "$unit.previous"
  replace "$here/gatewatch" "$bin" 755
  replace "$here/gatewatch.service" "$unit" 644
  mkdir -p "$(dirname "$sysusers")" && cp "$here/gatewatch.sysusers.conf" "$sysusers"
  added=
  if [ -n "$with_journal" ]; then allow_journal; fi
  if [ ! -e "$config" ]; then
    mkdir -p "$(dirname "$config")"
    cp "$here/config.json" "$config"
    chmod 644 "$config"
  fi
  if start; then
    say "installed: $version"
    return
  fi
  systemctl status --no-pager --lines=5 gatewatch.service >&2 || true
  if [ -n "$added" ]; then rm -f "$added"; fi
  if revert; then die "gatewatch failed to start; reverted to $("$bin" version)"; fi
  die "gatewatch failed to start (see above) and stays installed; fix the cause, then run: systemctl restart gatewatch"
}

undo() {
  [ -e "$bin.previous" ] || die "no previous version to revert to"
  check_writable
  revert
  say "reverted to $("$bin" version)"
}

uninstall() {
  check_writable
  systemctl disable --now --quiet gatewatch.service 2>/dev/null || true
  rm -f "$bin" "$bin.previous" "$unit" "$unit.previous" "$sysusers"
  systemctl daemon-reload
  say "removed"
}

usage() {
  echo "gatewatch: unexpected arguments: $arguments" >&2
  sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
  exit 2
}

# An argument that is ignored could be a --key.
install_with_options() {
  while [ $# -gt 0 ]; do
    case $1 in
      --key)
        [ $# -ge 2 ] || die "--key: the file of the public key is missing"
        key=$2
        shift
        ;;
      --journal) with_journal=yes ;;
      *) usage ;;
    esac
    shift
  done
  install
}

[ "$(id -u)" = 0 ] || die "must be run as root"
[ -d /run/systemd/system ] || die "systemd is not running on this machine"
arguments=$*
case "${1:-install} $#" in
  "install 0" | "install 1") install ;;
  "undo 1") undo ;;
  "uninstall 1") uninstall ;;
  "purge 1")
    uninstall
    rm -rf /var/lib/gatewatch /etc/gatewatch "$journal"
    rmdir "$unit.d" 2>/dev/null || true
    ;;
  --*) install_with_options "$@" ;;
  *) usage ;;
esac
