#!/bin/sh
# Installs gatewatch on a running gateway, from the unpacked tarball that this script is in. As root:
#   ./install.sh              install or upgrade: checks the checksums, starts the agent, goes back where it does not start
#   ./install.sh undo         back to the executable and unit that were there before the last installation
#   ./install.sh uninstall    stops it and takes it away; configuration and counters stay
#   ./install.sh purge        the same, and they go too
# Counters live in /var/lib/gatewatch and are never touched but by purge. An existing configuration is kept.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
bin=/usr/bin/gatewatch
unit=/etc/systemd/system/gatewatch.service
sysusers=/usr/lib/sysusers.d/gatewatch.conf
config=/etc/gatewatch/config.json

say() { echo "gatewatch: $*"; }
die() { echo "gatewatch: $*" >&2; exit 1; }

# A file takes the place of another at once; what was there is kept as .previous.
replace() { # FROM TO MODE
  mkdir -p "$(dirname "$2")"
  rm -f "$2.new"
  cp "$1" "$2.new" || die "$2 cannot be written: is $(dirname "$2") on a read-only file system?"
  chmod "$3" "$2.new"
  if [ -e "$2" ]; then ln -f "$2" "$2.previous" 2>/dev/null || cp -p "$2" "$2.previous"; fi
  mv -f "$2.new" "$2"
}

make_user() {
  if command -v systemd-sysusers >/dev/null; then
    systemd-sysusers "$here/gatewatch.sysusers.conf"
  elif ! id gatewatch >/dev/null 2>&1; then
    useradd --system --home-dir /var/lib/gatewatch --shell /usr/sbin/nologin gatewatch 2>/dev/null ||
      adduser -S -D -H -h /var/lib/gatewatch -s /bin/false gatewatch || die "the user gatewatch cannot be made"
  fi
}

# The unit is of Type=notify: this returns when the agent watches, or when it could not start.
start() {
  systemctl daemon-reload
  systemctl enable --quiet gatewatch.service
  systemctl restart gatewatch.service
}

back() {
  [ -e "$bin.previous" ] || return 1
  mv -f "$bin.previous" "$bin"
  if [ -e "$unit.previous" ]; then mv -f "$unit.previous" "$unit"; fi
  start
}

install() {
  if dpkg-query -W -f '${db:Status-Status}' gatewatch 2>/dev/null | grep -qx installed; then
    die "installed as a Debian package: upgrade it by apt or dpkg"
  fi
  (cd "$here" && sha256sum -c SHA256SUMS >/dev/null 2>&1) || die "checksums do not match: this copy is damaged, nothing was changed"
  version=$("$here/gatewatch" version 2>&1) || die "this executable does not run here, nothing was changed: $version"
  make_user
  rm -f "$bin.previous" "$unit.previous"
  replace "$here/gatewatch" "$bin" 755
  replace "$here/gatewatch.service" "$unit" 644
  mkdir -p "$(dirname "$sysusers")" && cp "$here/gatewatch.sysusers.conf" "$sysusers"
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
  if back; then die "it did not start: went back to $("$bin" version)"; fi
  die "it did not start (see above); it stays installed: mend what is wrong, then systemctl restart gatewatch"
}

undo() {
  [ -e "$bin.previous" ] || die "there is nothing to go back to"
  back
  say "went back to $("$bin" version)"
}

uninstall() {
  systemctl disable --now --quiet gatewatch.service 2>/dev/null || true
  rm -f "$bin" "$bin.previous" "$unit" "$unit.previous" "$sysusers"
  systemctl daemon-reload
  say "taken away"
}

[ "$(id -u)" = 0 ] || die "must be run as root"
[ -d /run/systemd/system ] || die "systemd does not run here"
case ${1:-install} in
  install) install ;;
  undo) undo ;;
  uninstall) uninstall ;;
  purge)
    uninstall
    rm -rf /var/lib/gatewatch /etc/gatewatch
    ;;
  *) sed -n '2,6s/^# \{0,1\}//p' "$0" && exit 2 ;;
esac
