package vcsim

import (
	"strings"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

type (
	labVM struct { // methods below are found before those of the embedded object
		*simulator.VirtualMachine
		l *lab
	}
	labSnapshot struct {
		*simulator.VirtualMachineSnapshot
		l *lab
	}
	task  = simulator.Task
	ref   = types.ManagedObjectReference
	any_  = types.AnyType
	fault = types.BaseMethodFault
)

func wait(ctx *simulator.Context, r ref) (any_, fault) {
	t := ctx.Map.Get(r).(*task)
	t.Wait() // polls each 10 ms; the lock is shared because ctx is the same
	if t.Info.Error != nil {
		return nil, t.Info.Error.Fault
	}
	return t.Info.Result, nil
}

func systemError(err error) fault {
	return &types.SystemErrorFault{Reason: err.Error()}
}

// run begins a task of the VM. For as long as the control port has set it only lasts, and the VM can be read.
func (v *labVM) run(ctx *simulator.Context, name string, work func() (any_, fault)) ref {
	t := simulator.CreateTask(v, name, func(t *task) (any_, fault) {
		if d := v.l.slowness(t.Info.Name); d > 0 {
			unlock := ctx.Map.AcquireLock(ctx, v)
			unlock()
			unlock() // the lock that the task began with
			time.Sleep(d)
			ctx.Map.AcquireLock(ctx, v) // given back when the task ends
		}
		return work()
	})
	return t.Run(ctx)
}

func (l *lab) slowness(task string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.slow[task]
}

// stamp gives each live disk a new changeId, or none if tracking is off. frozen names the file with its bytes as of now.
func (v *labVM) stamp(ctx *simulator.Context, frozen func(disk) string) {
	on := v.Config.ChangeTrackingEnabled != nil && *v.Config.ChangeTrackingEnabled
	setLive(ctx, v.VirtualMachine, func(d disk) *flatBacking {
		b := *d.b
		b.ChangeId = ""
		if on {
			b.ChangeId = v.l.advance(diskKey{v.Self.Value, d.Key}, frozen(d), d.CapacityInBytes)
		}
		return &b
	})
	if !on {
		v.l.resetCBT(v.Self.Value)
	}
}

func (v *labVM) CreateSnapshotTask(ctx *simulator.Context, req *types.CreateSnapshot_Task) soap.HasFault {
	t := v.run(ctx, "createSnapshotTask", func() (any_, fault) {
		return v.freeze(ctx, func() ref {
			return v.VirtualMachine.CreateSnapshotTask(ctx, req).(*methods.CreateSnapshot_TaskBody).Res.Returnval
		})
	})
	return &methods.CreateSnapshot_TaskBody{Res: &types.CreateSnapshot_TaskResponse{Returnval: t}}
}

func (v *labVM) CreateSnapshotExTask(ctx *simulator.Context, req *types.CreateSnapshotEx_Task) soap.HasFault {
	t := v.run(ctx, "createSnapshotExTask", func() (any_, fault) {
		return v.freeze(ctx, func() ref {
			return v.VirtualMachine.CreateSnapshotExTask(ctx, req).(*methods.CreateSnapshotEx_TaskBody).Res.Returnval
		})
	})
	return &methods.CreateSnapshotEx_TaskBody{Res: &types.CreateSnapshotEx_TaskResponse{Returnval: t}}
}

// freeze keeps the bytes of the disks as they are, while the guest is stunned, for the snapshot that vcsim takes.
func (v *labVM) freeze(ctx *simulator.Context, take func() ref) (any_, fault) {
	defer func() { _ = v.l.notify("unstun", v.Name) }()
	if err := v.l.notify("stun", v.Name); err != nil {
		return nil, systemError(err) // it would be frozen while it is written to
	}
	time.Sleep(v.l.slowness("CreateSnapshotEx"))
	m := &v.VirtualMachine.VirtualMachine
	sizeDisks(ctx, m)
	names, err := push(ctx, v.VirtualMachine)
	if err != nil {
		return nil, systemError(err)
	}
	v.stamp(ctx, func(d disk) string { return flat(ctx, m, d.b.FileName) })
	res, f := wait(ctx, take())
	if f != nil {
		return nil, f
	}
	setLive(ctx, v.VirtualMachine, func(d disk) *flatBacking {
		b := *d.b
		if next := names[b.FileName]; next != "" {
			b.FileName, b.Parent = next, d.b
		}
		return &b
	})
	return res, nil
}

func (s *labSnapshot) vm(ctx *simulator.Context) *labVM {
	return &labVM{ctx.Map.Get(s.Vm).(*simulator.VirtualMachine), s.l}
}

func (s *labSnapshot) RemoveSnapshotTask(ctx *simulator.Context, req *types.RemoveSnapshot_Task) soap.HasFault {
	v := s.vm(ctx)
	t := v.run(ctx, "removeSnapshotTask", func() (any_, fault) {
		r := *req // vcsim forgets the children's objects when it drops a subtree: remove them one by one first
		if req.RemoveChildren {
			for _, c := range append([]ref{}, s.ChildSnapshot...) {
				if o, ok := ctx.Map.Get(c).(*simulator.VirtualMachineSnapshot); ok {
					sub := &labSnapshot{o, s.l}
					keep := false
					if _, f := wait(ctx, sub.RemoveSnapshotTask(ctx, &types.RemoveSnapshot_Task{This: c, RemoveChildren: true,
						Consolidate: &keep}).(*methods.RemoveSnapshot_TaskBody).Res.Returnval); f != nil {
						return nil, f
					}
				}
			}
		}
		if _, f := wait(ctx, s.VirtualMachineSnapshot.RemoveSnapshotTask(ctx, &r).(*methods.RemoveSnapshot_TaskBody).Res.Returnval); f != nil {
			return nil, f
		}
		if req.Consolidate != nil && !*req.Consolidate {
			ctx.Update(v.VirtualMachine, []types.PropertyChange{{Name: "runtime.consolidationNeeded", Val: true}})
		} else {
			consolidate(ctx, v.VirtualMachine)
		}
		return nil, nil
	})
	return &methods.RemoveSnapshot_TaskBody{Res: &types.RemoveSnapshot_TaskResponse{Returnval: t}}
}

func (v *labVM) RemoveAllSnapshotsTask(ctx *simulator.Context, req *types.RemoveAllSnapshots_Task) soap.HasFault {
	t := v.run(ctx, "removeAllSnapshotsTask", func() (any_, fault) {
		if _, f := wait(ctx, v.VirtualMachine.RemoveAllSnapshotsTask(ctx, req).(*methods.RemoveAllSnapshots_TaskBody).Res.Returnval); f != nil {
			return nil, f
		}
		consolidate(ctx, v.VirtualMachine)
		return nil, nil
	})
	return &methods.RemoveAllSnapshots_TaskBody{Res: &types.RemoveAllSnapshots_TaskResponse{Returnval: t}}
}

func (v *labVM) ConsolidateVMDisksTask(ctx *simulator.Context, _ *types.ConsolidateVMDisks_Task) soap.HasFault {
	t := v.run(ctx, "consolidateDisksTask", func() (any_, fault) {
		consolidate(ctx, v.VirtualMachine)
		return nil, nil
	})
	return &methods.ConsolidateVMDisks_TaskBody{Res: &types.ConsolidateVMDisks_TaskResponse{Returnval: t}}
}

func (s *labSnapshot) RevertToSnapshotTask(ctx *simulator.Context, req *types.RevertToSnapshot_Task) soap.HasFault {
	t := s.vm(ctx).run(ctx, "revertToSnapshotTask", func() (any_, fault) { return s.restore(ctx, req) })
	return &methods.RevertToSnapshot_TaskBody{Res: &types.RevertToSnapshot_TaskResponse{Returnval: t}}
}

func (v *labVM) RevertToCurrentSnapshotTask(ctx *simulator.Context, req *types.RevertToCurrentSnapshot_Task) soap.HasFault {
	if v.Snapshot == nil || v.Snapshot.CurrentSnapshot == nil {
		return v.VirtualMachine.RevertToCurrentSnapshotTask(ctx, req) // refuses
	}
	s := &labSnapshot{ctx.Map.Get(*v.Snapshot.CurrentSnapshot).(*simulator.VirtualMachineSnapshot), v.l}
	to := &types.RevertToSnapshot_Task{This: s.Self, Host: req.Host, SuppressPowerOn: req.SuppressPowerOn}
	t := v.run(ctx, "revertToCurrentSnapshotTask", func() (any_, fault) { return s.restore(ctx, to) })
	return &methods.RevertToCurrentSnapshot_TaskBody{Res: &types.RevertToCurrentSnapshot_TaskResponse{Returnval: t}}
}

// restore gives the bytes back too. As in vSphere the changeIds of before are of no use afterwards, unless it lies.
func (s *labSnapshot) restore(ctx *simulator.Context, req *types.RevertToSnapshot_Task) (any_, fault) {
	v := s.vm(ctx)
	m := &v.VirtualMachine.VirtualMachine
	if v.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOn {
		_, _ = wait(ctx, v.PowerOffVMTask(ctx, &types.PowerOffVM_Task{This: v.Self}).(*methods.PowerOffVM_TaskBody).Res.Returnval)
	}
	if _, f := wait(ctx, s.VirtualMachineSnapshot.RevertToSnapshotTask(ctx, req).(*methods.RevertToSnapshot_TaskBody).Res.Returnval); f != nil {
		return nil, f
	}
	frozen := map[int32]*flatBacking{}
	for _, d := range disks(s.Config.Hardware.Device) {
		frozen[d.Key] = d.b
	}
	unnoticed := v.l.unnoticed(ctx, v.VirtualMachine, disks(s.Config.Hardware.Device))
	if !unnoticed {
		v.l.resetCBT(v.Self.Value)
	}
	setLive(ctx, v.VirtualMachine, func(d disk) *flatBacking {
		b, p := *d.b, frozen[d.Key]
		if p == nil || strings.HasPrefix(b.DiskMode, "independent") {
			return &b
		}
		b.FileName, b.Parent, b.ChangeId = delta(ctx, m, p.FileName), p, ""
		if unnoticed {
			b.ChangeId = p.ChangeId
		}
		_ = clone(local(ctx, m, p.FileName), local(ctx, m, b.FileName))
		_ = clone(flat(ctx, m, p.FileName), flat(ctx, m, b.FileName))
		return &b
	})
	return nil, nil
}

// ShutdownGuest answers at once and takes its time, or never ends when the hook (the guest) does not.
func (v *labVM) ShutdownGuest(ctx *simulator.Context, req *types.ShutdownGuest) soap.HasFault {
	body := new(methods.ShutdownGuestBody)
	if v.Runtime.PowerState != types.VirtualMachinePowerStatePoweredOn {
		body.Fault_ = simulator.Fault("", &types.InvalidPowerState{RequestedState: types.VirtualMachinePowerStatePoweredOn,
			ExistingState: v.Runtime.PowerState})
		return body
	}
	if v.Guest.ToolsRunningStatus != string(types.VirtualMachineToolsRunningStatusGuestToolsRunning) {
		body.Fault_ = simulator.Fault("", new(types.ToolsUnavailable))
		return body
	}
	body.Res = new(types.ShutdownGuestResponse)
	if _, deaf := v.l.deaf.Load(v.Self.Value); deaf {
		return body // the guest was asked, and does not follow
	}
	go func() {
		if v.l.hook == "" {
			time.Sleep(v.l.shutdown)
		}
		if v.l.notify("shutdownGuest", v.Name) != nil { // returns when the guest is down
			return // it runs on
		}
		own := *ctx // a lock owner of its own
		own.Map.WithLock(&own, v.VirtualMachine, func() { v.VirtualMachine.ShutdownGuest(&own, req) })
	}()
	return body
}

// PowerOnVMTask activates change tracking, as power-on does where it was enabled since. While the VM is exported it fails.
func (v *labVM) PowerOnVMTask(ctx *simulator.Context, req *types.PowerOnVM_Task) soap.HasFault {
	if v.l.exports.held(v.Self) {
		t := simulator.CreateTask(v, "powerOnVMTask", func(*task) (any_, fault) { return nil, new(types.InvalidState) })
		return &methods.PowerOnVM_TaskBody{Res: &types.PowerOnVM_TaskResponse{Returnval: t.Run(ctx)}}
	}
	m := &v.VirtualMachine.VirtualMachine
	sizeDisks(ctx, m)
	for _, d := range disks(v.Config.Hardware.Device) {
		if on := v.Config.ChangeTrackingEnabled; on != nil && *on && d.b.ChangeId == "" {
			v.stamp(ctx, func(d disk) string {
				f := flat(ctx, m, d.b.FileName)
				_ = clone(f, f+".cbt")
				return f + ".cbt"
			})
			break
		}
	}
	return v.VirtualMachine.PowerOnVMTask(ctx, req)
}

func powerOn(v *labVM, ctx *simulator.Context) ref {
	return v.PowerOnVMTask(ctx, &types.PowerOnVM_Task{This: v.Self}).(*methods.PowerOnVM_TaskBody).Res.Returnval
}
