#!/bin/bash
# In mmdebstrap's customize stage, with the root as $1: what every guest has.
set -eu
R=$1
echo guest > "$R/etc/hostname"
echo "127.0.0.1 localhost guest" > "$R/etc/hosts"
chroot "$R" sh -c 'echo root:guest | chpasswd'
mkdir -p "$R/var/lib/counter" "$R/etc/default"
echo 0 > "$R/var/lib/counter/value"
# A TCP service that answers with its host name, a counter that it writes through to the disk, and the last block that the
# writer has finished. A question that it has taken is answered, also when the guest is going down: its counting is known.
cat > "$R/usr/local/sbin/counter" <<'X'
#!/bin/sh
trap '' TERM
cd /var/lib/counter
n=$(($(cat value) + 1))
echo "$n" > new && sync new && mv new value && sync -f value
echo "$(hostname) $n $(cat /var/lib/writer/last)"
X
cat > "$R/etc/systemd/system/counter.socket" <<'X'
[Socket]
ListenStream=7000
Accept=yes
[Install]
WantedBy=sockets.target
X
cat > "$R/etc/systemd/system/counter@.service" <<'X'
[Unit]
After=network.target networking.service
[Service]
ExecStart=/usr/local/sbin/counter
StandardOutput=socket
X
# Once somebody knocks it writes all the time: numbered blocks of random bytes, each in a file that is named by its sum, in one
# step; the last 48 are kept. Asked, it tells of them all: the last, how many are whole, torn, missing.
mkdir -p "$R/var/lib/writer"
echo 0 > "$R/var/lib/writer/last"
cat > "$R/usr/local/sbin/writer" <<'X'
#!/bin/sh
cd /var/lib/writer
n=$(cat last)
while sleep 1; do
  n=$((n + 1))
  head -c 262144 /dev/urandom > new && sync new
  sum=$(sha256sum < new)
  mv new "$n.${sum%% *}.block" && sync -f .
  echo "$n" > told && sync told && mv told last && sync -f .
  rm -f -- "$((n - 48))".*.block
done
X
cat > "$R/usr/local/sbin/written" <<'X'
#!/bin/sh
cd /var/lib/writer
last=$(cat last) good=0 torn=0 missing=0
n=$((last - 47))
[ "$n" -ge 1 ] || n=1
while [ "$n" -le "$last" ]; do
  set -- "$n".*.block
  if [ -e "$1" ]; then
    sum=$(sha256sum < "$1") name=${1#*.}
    if [ "${sum%% *}" = "${name%.block}" ]; then good=$((good + 1)); else torn=$((torn + 1)); fi
  else
    missing=$((missing + 1))
  fi
  n=$((n + 1))
done
echo "$(hostname) $last $good $torn $missing"
X
cat > "$R/etc/systemd/system/writer.socket" <<'X'
[Socket]
ListenStream=7002
[Install]
WantedBy=sockets.target
X
cat > "$R/etc/systemd/system/writer.service" <<'X'
[Service]
ExecStart=/usr/local/sbin/writer
X
cat > "$R/etc/systemd/system/written.socket" <<'X'
[Socket]
ListenStream=7001
Accept=yes
[Install]
WantedBy=sockets.target
X
cat > "$R/etc/systemd/system/written@.service" <<'X'
[Service]
ExecStart=/usr/local/sbin/written
StandardOutput=socket
X
# Tells on a serial line what the boot came to.
cat > "$R/usr/local/sbin/marker" <<'X'
#!/bin/sh
GW=$(ip -4 route show default | awk '{print $3; exit}')
{
echo; echo "MARK begin $(uname -r) up=$(cut -d' ' -f1 /proc/uptime)"
for d in /sys/class/net/*; do i=${d##*/}; [ -e $d/device ] || continue
 drv=$(readlink $d/device/driver); echo "MARK nic name=$i mac=$(cat $d/address) driver=${drv##*/} ip=$(ip -o addr show dev $i scope global | awk '{print $4}' | sort | tr '\n' ' ')"; done
findmnt -rnu --real -o TARGET,FSTYPE,UUID,FSROOT | sort | sed 's/^/MARK mount /'
swapon --show=TYPE,UUID --noheadings | sed 's/^/MARK swap /'
echo "MARK gw=$GW ping=$([ -n "$GW" ] && ping -c1 -W3 $GW >/dev/null 2>&1 && echo ok || echo FAIL)"
echo "MARK failed-units=$(systemctl list-units --failed --no-legend --plain 2>/dev/null | awk '{print $1}' | tr '\n' ' ')"
echo "MARK end"
} > "$1" 2>&1
X
chmod 755 "$R"/usr/local/sbin/*
cat > "$R/etc/systemd/system/marker.service" <<'X'
[Unit]
Description=boot marker
After=network.target networking.service counter.socket
Before=serial-getty@ttyS0.service getty.target
[Service]
Type=oneshot
ExecStart=/usr/local/sbin/marker /dev/ttyS0
[Install]
WantedBy=multi-user.target
X
# The same where nobody else writes, once nothing is left to be started: a machine need not have a second line.
cat > "$R/etc/systemd/system/report.service" <<'X'
[Unit]
Description=report of the whole boot
Wants=network-online.target
After=network-online.target
[Service]
ExecStart=-/bin/sh -c 'systemctl is-system-running --wait; exec /usr/local/sbin/marker /dev/ttyS1'
[Install]
WantedBy=multi-user.target
X
chroot "$R" systemctl -q enable marker.service report.service counter.socket writer.socket written.socket serial-getty@ttyS0.service
# netplan writes for networkd, which nothing else starts.
if [ ! -e "$R/sbin/ifup" ] && [ ! -e "$R/usr/sbin/NetworkManager" ]; then chroot "$R" systemctl -q enable systemd-networkd.service; fi
printf 'GRUB_DEFAULT=0\nGRUB_TIMEOUT=0\nGRUB_CMDLINE_LINUX="console=tty0 console=ttyS0,115200"\nGRUB_TERMINAL="serial console"\n' > "$R/etc/default/grub"
rm -rf "$R"/var/cache/apt/archives/*.deb "$R"/var/lib/apt/lists/*
