package vcsim

import (
	"crypto/rand"
	"fmt"
	"os"
	"regexp"
	"strconv"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

type bitmap []bool // one a grain

func newBitmap(size int64) bitmap { return make(bitmap, (size+grain-1)/grain) }
func (b bitmap) set(off, end int64) {
	for i := off / grain; i*grain < end; i++ {
		b[i] = true
	}
}
func (b bitmap) or(o bitmap) {
	for i := range min(len(b), len(o)) {
		b[i] = b[i] || o[i]
	}
}

// track is the change tracking of one disk: changed[n] are the grains written between changeId n-1 and n.
type track struct {
	uuid    string
	seq     int
	changed map[int]bitmap
	base    string // frozen bytes of changeId seq (a hard link, so that removing the snapshot keeps them)
}

func (t *track) id() string { return fmt.Sprintf("%s/%d", t.uuid, t.seq) }

func newTrack() *track {
	u := make([]byte, 16)
	_, _ = rand.Read(u)
	u[0] = 0x52
	return &track{uuid: fmt.Sprintf("% x-% x", u[:8], u[8:]), changed: map[int]bitmap{}}
}

type diskKey struct {
	vm  string
	key int32
}

// advance starts a new changeId for the disk whose bytes are frozen in the file, and returns it.
func (l *lab) advance(k diskKey, frozen string, size int64) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.cbt[k]
	if t == nil {
		t = newTrack()
		l.cbt[k] = t
	} else if b, err := differing(t.base, frozen, size); err == nil {
		t.changed[t.seq+1] = b
	} else { // the history is lost
		t = newTrack()
		l.cbt[k] = t
	}
	t.seq++
	_ = os.Remove(t.base)
	t.base = fmt.Sprintf("%s.cbt-%d", frozen, k.key)
	_ = os.Remove(t.base)
	_ = os.Link(frozen, t.base)
	return t.id()
}

func (l *lab) resetCBT(vm string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for k, t := range l.cbt {
		if k.vm == vm {
			_ = os.Remove(t.base)
			delete(l.cbt, k)
			n++
		}
	}
	return
}

var changeID = regexp.MustCompile(`^([0-9a-f -]{47})/(\d+)$`)

func (v *labVM) QueryChangedDiskAreas(ctx *simulator.Context, req *types.QueryChangedDiskAreas) soap.HasFault {
	body := new(methods.QueryChangedDiskAreasBody)
	fail := func(f types.BaseMethodFault) soap.HasFault { body.Fault_ = simulator.Fault("", f); return body }
	bad := func(p string) soap.HasFault {
		body.Fault_ = simulator.Fault("A specified parameter was not correct: "+p, &types.InvalidArgument{InvalidProperty: p})
		return body
	}
	config := v.Config
	if req.Snapshot != nil {
		s, ok := ctx.Map.Get(*req.Snapshot).(*simulator.VirtualMachineSnapshot)
		if !ok || s.Vm != v.Self {
			return fail(&types.ManagedObjectNotFound{Obj: *req.Snapshot})
		}
		config = &s.Config
	}
	var d disk
	for _, x := range disks(config.Hardware.Device) {
		if x.Key == req.DeviceKey {
			d = x
		}
	}
	if d.b == nil {
		return bad("deviceKey")
	}
	if req.StartOffset < 0 || req.StartOffset >= d.CapacityInBytes {
		return bad("startOffset")
	}
	file := flat(ctx, &v.VirtualMachine.VirtualMachine, d.b.FileName)
	gone := &types.FileFault{File: d.b.FileName}
	if req.Snapshot == nil && v.Runtime.PowerState != types.VirtualMachinePowerStatePoweredOff {
		return fail(gone)
	}
	v.l.mu.Lock()
	defer v.l.mu.Unlock()
	t, now := v.l.cbt[diskKey{v.Self.Value, d.Key}], changeID.FindStringSubmatch(d.b.ChangeId)
	if t == nil || now == nil {
		return fail(gone) // tracking is off, was off when the snapshot was taken, or was reset
	}
	var areas bitmap
	var err error
	if req.ChangeId == "*" {
		if areas, err = allocated(file, d.CapacityInBytes); err != nil {
			return fail(gone)
		}
	} else {
		old := changeID.FindStringSubmatch(req.ChangeId)
		if old == nil {
			return bad("changeId")
		}
		from, _ := strconv.Atoi(old[2])
		to, _ := strconv.Atoi(now[2])
		if old[1] != t.uuid || now[1] != t.uuid || from > to {
			return fail(gone)
		}
		areas = newBitmap(d.CapacityInBytes)
		for i := from + 1; i <= to; i++ {
			areas.or(t.changed[i])
		}
		if req.Snapshot == nil { // a powered-off VM: what was written since the newest changeId
			if b, err := differing(t.base, file, d.CapacityInBytes); err == nil {
				areas.or(b)
			}
		}
	}
	info := tell(areas, v.l.lies[v.Self.Value], d.Key, req.StartOffset, d.CapacityInBytes, v.l.maxAreas)
	body.Res = &types.QueryChangedDiskAreasResponse{Returnval: info}
	return body
}

// answer lists the areas from start to end; with more than max of them it ends before the next one (length tells where).
func answer(b bitmap, start, end int64, max int) types.DiskChangeInfo {
	r := types.DiskChangeInfo{StartOffset: start, Length: end - start}
	for i := start / grain; i < int64(len(b)) && i*grain < end; i++ {
		if !b[i] {
			continue
		}
		j := i
		for j < int64(len(b)) && b[j] {
			j++
		}
		from, to := maxOf(i*grain, start), min(j*grain, end)
		if len(r.ChangedArea) == max {
			r.Length = from - start
			break
		}
		r.ChangedArea = append(r.ChangedArea, types.DiskChangeExtent{Start: from, Length: to - from})
		i = j
	}
	return r
}

func maxOf(a, b int64) int64 { return -min(-a, -b) }
