#!/bin/bash
# PID 1 of the lab: init.sh STATE ADDRESS NODE MAIN. It stands in PID, mount, UTS and network namespaces of its own, so
# that nothing of the lab touches the machine's; when it is killed, every process, mount and link of the lab goes with it.
# KubeVirt's virt-handler works through /proc/1 of its host: that is why the node has a PID namespace.
set -e
S=$1 ADDRESS=$2 NODE=$3 MAIN=$4
mount --make-rprivate /
mount -t proc proc /proc
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
