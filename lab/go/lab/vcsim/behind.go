package vcsim

import (
	"fmt"
	"os"
	"path"
	"strconv"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/types"
)

// What somebody else does with a VM in vCenter, while Tranship moves it.

// relocate is a Storage vMotion: the files of all disks move to another datastore, those of snapshots too. What is open
// stays open, and change tracking goes on.
func (l *lab) relocate(vm *simulator.VirtualMachine, datastore string) any {
	ctx := l.own()
	ds, ok := l.child(l.datacenter(vm).DatastoreFolder, datastore).(*simulator.Datastore)
	if !ok {
		return fmt.Errorf("no datastore %s", datastore)
	}
	m := &vm.VirtualMachine
	move := func(b *flatBacking) {
		for ; b != nil; b = b.Parent {
			var p object.DatastorePath
			if !p.FromString(b.FileName) || p.Datastore == datastore {
				continue
			}
			old := b.FileName
			p.Datastore = datastore
			b.FileName = p.String()
			if b.Datastore != nil {
				b.Datastore = &ds.Self
			}
			_ = os.MkdirAll(path.Dir(local(ctx, m, b.FileName)), 0o755)
			_ = os.Rename(local(ctx, m, old), local(ctx, m, b.FileName)) // gone already where another chain holds it
			_ = os.Rename(flat(ctx, m, old), flat(ctx, m, b.FileName))
		}
	}
	ctx.Map.WithLock(ctx, vm, func() {
		ctx.Update(vm, []types.PropertyChange{{Name: "datastore", Val: append([]ref{ds.Self}, vm.Datastore...)}})
		for _, s := range snapshotsOf(ctx, vm) {
			for _, d := range disks(s.Config.Hardware.Device) {
				move(d.b)
			}
		}
		setLive(ctx, vm, func(d disk) *flatBacking {
			b := *d.b
			move(&b)
			return &b
		})
	})
	return "moved"
}

// resize: somebody gives a VM's first disk another size.
func (l *lab) resize(vm *simulator.VirtualMachine, size string) any {
	ctx := l.own()
	bytes, err := strconv.ParseInt(size, 10, 64)
	if err != nil {
		return err
	}
	ctx.Map.WithLock(ctx, vm, func() {
		var devices []types.BaseVirtualDevice
		first := true
		for _, d := range vm.Config.Hardware.Device {
			if v := disks([]types.BaseVirtualDevice{d}); len(v) == 1 && first {
				first = false
				c := *v[0].VirtualDisk
				c.CapacityInBytes, c.CapacityInKB = bytes, bytes/1024
				_ = os.Truncate(flat(ctx, &vm.VirtualMachine, v[0].b.FileName), bytes)
				d = &c
			}
			devices = append(devices, d)
		}
		ctx.Update(vm, []types.PropertyChange{{Name: "config.hardware.device", Val: devices}})
	})
	return bytes
}

// revert: somebody goes back to a snapshot by its name, without one to the newest; as with all that keep no memory, the VM is off then.
func (l *lab) revert(vm *simulator.VirtualMachine, name string) any {
	ctx := l.own()
	if name == "" {
		body := (&labVM{vm, l}).RevertToCurrentSnapshotTask(ctx, &types.RevertToCurrentSnapshot_Task{This: vm.Self})
		if body.Fault() != nil {
			return fmt.Errorf("%T", body.Fault().VimFault())
		}
		return l.ended(ctx, body.(*methods.RevertToCurrentSnapshot_TaskBody).Res.Returnval, "reverted")
	}
	var found *simulator.VirtualMachineSnapshot
	if vm.Snapshot != nil {
		if id := named(vm.Snapshot.RootSnapshotList, name); id != nil {
			found, _ = ctx.Map.Get(*id).(*simulator.VirtualMachineSnapshot)
		}
	}
	if found == nil {
		return fmt.Errorf("no snapshot %s", name)
	}
	task := (&labSnapshot{found, l}).RevertToSnapshotTask(ctx, &types.RevertToSnapshot_Task{This: found.Self})
	return l.ended(ctx, task.(*methods.RevertToSnapshot_TaskBody).Res.Returnval, "reverted")
}

// snapshotBehind: somebody takes a snapshot, in the way of vCenter's newer clients.
func (l *lab) snapshotBehind(vm *simulator.VirtualMachine, name string) any {
	ctx := l.own()
	task := (&labVM{vm, l}).CreateSnapshotExTask(ctx, &types.CreateSnapshotEx_Task{This: vm.Self, Name: name})
	return l.ended(ctx, task.(*methods.CreateSnapshotEx_TaskBody).Res.Returnval, "taken")
}

// ended waits for a task: what it is called once it is done, or an error.
func (l *lab) ended(ctx *simulator.Context, task ref, done string) any {
	if _, f := wait(ctx, task); f != nil {
		return fmt.Errorf("%T", f)
	}
	return done
}

func named(trees []types.VirtualMachineSnapshotTree, name string) *ref {
	for i := range trees {
		if trees[i].Name == name {
			return &trees[i].Snapshot
		}
		if id := named(trees[i].ChildSnapshotList, name); id != nil {
			return id
		}
	}
	return nil
}

// powerOnBehind: somebody starts the VM in vCenter's own client.
func (l *lab) powerOnBehind(vm *simulator.VirtualMachine) any {
	ctx := l.own()
	return l.ended(ctx, powerOn(&labVM{vm, l}, ctx), "on")
}
