package vcsim

import (
	"bytes"
	"io"
	"os"
	"path"
	"regexp"
	"strings"
	"syscall"

	"fmt"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// Every file of a chain is a full raw image: "vm-flat.vmdk" for "vm.vmdk". The one behind the live disk is the inode
// that the running guest writes to; it is only ever renamed. All others are frozen and never written again.
const (
	grain    = 64 << 10
	seekData = 3
	seekHole = 4
)

type flatBacking = types.VirtualDiskFlatVer2BackingInfo

// local is the path on this machine of "[ds] dir/vm.vmdk".
func local(ctx *simulator.Context, vm *mo.VirtualMachine, name string) string {
	var p object.DatastorePath
	p.FromString(name)
	for _, ref := range vm.Datastore {
		if ds := ctx.Map.Get(ref).(*simulator.Datastore); ds.Name == p.Datastore {
			return path.Join(ds.Summary.Url, p.Path)
		}
	}
	return ""
}

func flat(ctx *simulator.Context, vm *mo.VirtualMachine, name string) string {
	return simulator.VirtualDiskBackingFileName(local(ctx, vm, name))
}

type disk struct {
	*types.VirtualDisk
	b *flatBacking
}

func disks(devices []types.BaseVirtualDevice) (res []disk) {
	for _, d := range devices {
		if v, ok := d.(*types.VirtualDisk); ok {
			if b, ok := v.Backing.(*flatBacking); ok {
				res = append(res, disk{v, b})
			}
		}
	}
	return
}

// size makes the flat files as long as their disks (vcsim leaves them empty).
func sizeDisks(ctx *simulator.Context, vm *mo.VirtualMachine) {
	for _, d := range disks(vm.Config.Hardware.Device) {
		f := flat(ctx, vm, d.b.FileName)
		if st, err := os.Stat(f); err == nil && st.Size() < d.CapacityInBytes {
			_ = os.Truncate(f, d.CapacityInBytes)
		} else if err != nil {
			_ = os.MkdirAll(path.Dir(f), 0700)
			if o, err := os.Create(f); err == nil {
				_ = o.Truncate(d.CapacityInBytes)
				o.Close()
			}
		}
	}
}

// extents calls f for every run of data in the file (holes are skipped).
func extents(f *os.File, size int64, fn func(off, end int64) error) error {
	return extentsFrom(f, 0, size, fn)
}

func extentsFrom(f *os.File, start, size int64, fn func(off, end int64) error) error {
	for off := start; off < size; {
		d, err := f.Seek(off, seekData)
		if err != nil {
			return nil // ENXIO: no more data
		}
		off, _ = f.Seek(d, seekHole)
		if err = fn(d, min(off, size)); err != nil {
			return err
		}
	}
	return nil
}

// clone copies src to dst: a reflink where the file system can, else a sparse copy.
func clone(src, dst string) error {
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(dst)
	if err != nil {
		return err
	}
	defer out.Close()
	const ficlone = 0x40049409
	if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, out.Fd(), ficlone, in.Fd()); e == 0 {
		return nil
	}
	st, err := in.Stat()
	if err != nil {
		return err
	}
	if err = out.Truncate(st.Size()); err != nil {
		return err
	}
	return extents(in, st.Size(), func(off, end int64) error {
		if _, err := in.Seek(off, io.SeekStart); err != nil {
			return err
		}
		if _, err := out.Seek(off, io.SeekStart); err != nil {
			return err
		}
		_, err := io.CopyN(out, in, end-off) // copy_file_range
		return err
	})
}

// allocated marks the grains of f that hold data.
func allocated(name string, size int64) (bitmap, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := newBitmap(size)
	return b, extents(f, size, func(off, end int64) error { b.set(off, end); return nil })
}

// differing marks the grains whose bytes differ between two images.
func differing(a, b string, size int64) (bitmap, error) {
	all, err := allocated(a, size)
	if err != nil {
		return nil, err
	}
	other, err := allocated(b, size)
	if err != nil {
		return nil, err
	}
	all.or(other)
	fa, err := os.Open(a)
	if err != nil {
		return nil, err
	}
	defer fa.Close()
	fb, err := os.Open(b)
	if err != nil {
		return nil, err
	}
	defer fb.Close()
	x, y := make([]byte, grain), make([]byte, grain)
	for i := range all {
		if all[i] {
			n, _ := fa.ReadAt(x, int64(i)*grain)
			m, _ := fb.ReadAt(y, int64(i)*grain)
			all[i] = !bytes.Equal(x[:n], y[:m])
		}
	}
	return all, nil
}

var deltaName = regexp.MustCompile(`(-\d{6})?\.vmdk$`)

// delta gives the next free "[ds] vm/vm-000001.vmdk".
func delta(ctx *simulator.Context, vm *mo.VirtualMachine, name string) string {
	for i := 1; ; i++ {
		next := deltaName.ReplaceAllString(name, fmt.Sprintf("-%06d.vmdk", i))
		if _, err := os.Stat(local(ctx, vm, next)); os.IsNotExist(err) {
			return next
		}
	}
}

// setLive replaces the live VM's disk backings by way of a property update, so that watchers see it.
func setLive(ctx *simulator.Context, vm *simulator.VirtualMachine, backing func(disk) *flatBacking) {
	var devices []types.BaseVirtualDevice
	for _, d := range vm.Config.Hardware.Device {
		if v := disks([]types.BaseVirtualDevice{d}); len(v) == 1 {
			c := *v[0].VirtualDisk
			c.Backing = backing(v[0])
			d = &c
		}
		devices = append(devices, d)
	}
	ctx.Update(vm, []types.PropertyChange{{Name: "config.hardware.device", Val: devices}})
}

// push moves every live disk to a new file on top of a frozen copy that keeps the old name. names maps old to new.
func push(ctx *simulator.Context, vm *simulator.VirtualMachine) (names map[string]string, err error) {
	names = map[string]string{}
	for _, d := range disks(vm.Config.Hardware.Device) {
		if strings.HasPrefix(d.b.DiskMode, "independent") {
			continue // not part of snapshots
		}
		old, next := d.b.FileName, delta(ctx, &vm.VirtualMachine, d.b.FileName)
		names[old] = next
		f, n := flat(ctx, &vm.VirtualMachine, old), flat(ctx, &vm.VirtualMachine, next)
		if err = clone(local(ctx, &vm.VirtualMachine, old), local(ctx, &vm.VirtualMachine, next)); err != nil {
			return
		}
		if err = os.Rename(f, n); err != nil {
			return
		}
		if err = clone(n, f); err != nil {
			return
		}
	}
	return
}

func snapshotsOf(ctx *simulator.Context, vm *simulator.VirtualMachine) (res []*simulator.VirtualMachineSnapshot) {
	for _, o := range ctx.Map.AllReference("VirtualMachineSnapshot") {
		if s := o.(*simulator.VirtualMachineSnapshot); s.Vm == vm.Self {
			res = append(res, s)
		}
	}
	return
}

// consolidate drops the files in the live chains that no snapshot needs: the child takes its parent's name.
func consolidate(ctx *simulator.Context, vm *simulator.VirtualMachine) {
	snaps := snapshotsOf(ctx, vm)
	setLive(ctx, vm, func(d disk) *flatBacking {
		live := *d.b
		for b := &live; b.Parent != nil; {
			child, parent := b.FileName, b.Parent
			heads := func(f func(*flatBacking)) {
				for _, s := range snaps {
					for _, d := range disks(s.Config.Hardware.Device) {
						f(d.b)
					}
				}
			}
			needed := false
			heads(func(h *flatBacking) { needed = needed || h.FileName == parent.FileName })
			if needed {
				b = parent
				continue
			}
			_ = os.Rename(flat(ctx, &vm.VirtualMachine, child), flat(ctx, &vm.VirtualMachine, parent.FileName))
			_ = os.Remove(local(ctx, &vm.VirtualMachine, child))
			fix := func(h *flatBacking) {
				for ; h != nil; h = h.Parent {
					if h.FileName == child {
						h.FileName, h.Parent = parent.FileName, parent.Parent
						return
					}
				}
			}
			fix(b)
			heads(fix)
		}
		return &live
	})
	ctx.Update(vm, []types.PropertyChange{{Name: "runtime.consolidationNeeded", Val: false}})
}
