#!/bin/bash
# PID 1 of the lab: init.sh STATE ADDRESS NODE MAIN. It stands in PID, mount, UTS and network namespaces of its own, so
# that nothing of the lab touches the machine's; when it is killed, every process, mount and link of the lab goes with it.
# KubeVirt's virt-handler works through /proc/1 of its host: that is why the node has a PID namespace.
set -e
S=$1 ADDRESS=$2 NODE=$3 MAIN=$4
mount --make-rprivate /
mount -t proc proc /proc
# No namespace holds these settings: the kubelet, which sets some, gets copies, and nobody writes the machine's.
for d in vm kernel fs; do
  mount --bind "/proc/sys/$d" "/proc/sys/$d"
  mount -o remount,bind,ro "/proc/sys/$d"
done
mkdir "$S/sysctl"
for name in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
  copy="$S/sysctl/${name//\//.}"
  cat "/proc/sys/$name" > "$copy"
  mount --bind "$copy" "/proc/sys/$name"
done
# The node has fixed places below these: they become folders of the lab's own, which show the folders that the machine has in them.
for top in /run /var/lib /var/log; do
  mount -t tmpfs -o mode=755 tmpfs /mnt
  for each in "$top"/*; do
    here=/mnt/${each##*/}
    if [ -L "$each" ]; then cp -P "$each" "$here"
    elif [ -d "$each" ]; then mkdir "$here" && mount --rbind "$each" "$here" || true; fi # it may have gone meanwhile
  done
  mount --move /mnt "$top"
done
mkdir -p /var/lib/kubelet
mount --bind "$S/kubelet" /var/lib/kubelet
for d in /run/containerd /run/netns /var/lib/cni /var/log/containers; do
  mkdir -p "$d"
  mount -t tmpfs tmpfs "$d"
done
mount --make-rshared / # bidirectional mounts need a shared root
hostname lab
ip link set lo up
for _ in $(seq 100); do [ -e /proc/sys/net/ipv4/conf/eth0 ] && break; sleep 0.05; done
ip addr add "$ADDRESS/30" dev eth0
ip link set eth0 up
ip route add default via "${ADDRESS%.*}.$((${ADDRESS##*.} - 1))"
ip link add lan0 type bridge
ip addr add 192.168.76.2/24 dev lan0
ip link set lan0 up
echo 1 > /proc/sys/net/ipv4/ip_forward
cd "$S"
"$NODE" "$MAIN" > "$S/log/supervisor.log" 2>&1 < /dev/null &
SUPERVISOR=$!
# Bash as PID 1 reaps what others leave behind; the lab ends with its supervisor.
trap 'kill -TERM $SUPERVISOR 2>/dev/null' TERM
while kill -0 $SUPERVISOR 2>/dev/null; do wait -n || true; done
