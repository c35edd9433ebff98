package vcsim

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"strconv"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// lie is what a VM's change tracking keeps silent about: a part of its disks, or a share of the grains in it. Or it does
// not notice a revert, and counts on from the snapshot's changeId. Or each answer begins further on than it was asked to, or
// ends early, which is no lie: the API allows it.
type lie struct {
	disk     int32 // 0: each
	from, to int64 // bytes; to = 0: the disk's end
	share    float64
	seed     uint64
	revert   bool
	skip     int64 // bytes
	window   int64 // bytes; 0: as far as an answer's areas reach
}

// parseLie reads disk, from, to, share (of 1), seed, revert, skip and window; what is not given is all, or not so.
func parseLie(q url.Values) (x lie, err error) {
	number := func(name string) (n int64) {
		if s := q.Get(name); s != "" && err == nil {
			n, err = strconv.ParseInt(s, 10, 64)
		}
		return
	}
	x = lie{disk: int32(number("disk")), from: number("from"), to: number("to"), share: 1, seed: uint64(number("seed")),
		revert: q.Has("revert"), skip: number("skip"), window: number("window")}
	if x.revert || x.skip > 0 || x.window > 0 {
		x.share = 0
	}
	if s := q.Get("share"); s != "" && err == nil {
		x.share, err = strconv.ParseFloat(s, 64)
	}
	return
}

func (l *lab) addLie(vm string, q url.Values) any {
	x, err := parseLie(q)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lies[vm] = append(l.lies[vm], x)
	return "lies"
}

func (l *lab) endLies(vm string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.lies, vm)
	return "tells all"
}

// tell answers what changed from start on, but for what the lies of the disk leave out; the same grains each time.
func tell(b bitmap, lies []lie, disk int32, start, size int64, max int) types.DiskChangeInfo {
	window := size
	for _, x := range lies {
		if x.disk != 0 && x.disk != disk {
			continue
		}
		start = min(start+x.skip, size-1)
		if x.window > 0 {
			window = x.window
		}
		for i := range b {
			if at := int64(i) * grain; b[i] && at >= x.from && (x.to == 0 || at < x.to) {
				b[i] = rand.New(rand.NewPCG(x.seed, uint64(i))).Float64() >= x.share
			}
		}
	}
	return answer(b, start, min(size, start+window), max)
}

// unnoticed tells whether a VM's tracking does not see a revert; if so, it goes on from the snapshot's changeIds.
func (l *lab) unnoticed(ctx *simulator.Context, vm *simulator.VirtualMachine, snapshot []disk) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := false
	for _, x := range l.lies[vm.Self.Value] {
		found = found || x.revert
	}
	for _, d := range snapshot {
		t, id := l.cbt[diskKey{vm.Self.Value, d.Key}], changeID.FindStringSubmatch(d.b.ChangeId)
		if !found || t == nil || id == nil || id[1] != t.uuid {
			continue
		}
		t.seq, _ = strconv.Atoi(id[2])
		frozen := flat(ctx, &vm.VirtualMachine, d.b.FileName)
		_ = os.Remove(t.base)
		t.base = fmt.Sprintf("%s.cbt-%d", frozen, d.Key)
		_ = os.Remove(t.base)
		_ = os.Link(frozen, t.base)
	}
	return found
}
