package vcsim

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// world is what the JSON file describes (made from the world file by the lab). Overlay is decoded over the VM's managed
// object after CreateVM has done what it does, so nothing that vcsim drops is out of reach.
type world struct {
	Datacenters    int
	Clusters       int // of each data centre
	Hosts          int // of each cluster
	HandlesPerHost int // disks that the disk library holds open at once on one host
	Datastores     []struct {
		Name       string
		CapacityGB int64
	}
	Networks []struct{ Name, Type string }
	Overlays []struct {
		Object string // inventory path
		Set    json.RawMessage
	}
	Vms   []worldVM
	Fleet struct {
		Count  int
		Prefix string
	}
}

type worldVM struct {
	Name, Folder, Host, Datastore, Power string
	Spec                                 types.VirtualMachineConfigSpec
	Overlay                              json.RawMessage
	Snapshots                            []string
	// Images are files whose bytes the disks begin with, in the disks' order; "" leaves a disk empty.
	Images []string
}

func readWorld(file string) (*world, error) {
	w := &world{Datacenters: 1, Clusters: 1, Hosts: 1, HandlesPerHost: 32}
	if file == "" {
		return w, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return w, types.NewJSONDecoder(f).Decode(w)
}

// build fills the empty data centres: datastores as folders of dir, networks, VMs.
func (l *lab) build(w *world, dir string) error {
	l.rename()
	if err := l.datastores(w, dir); err != nil {
		return err
	}
	if err := l.networks(w); err != nil {
		return err
	}
	for i := range w.Vms {
		if err := l.make(&w.Vms[i]); err != nil {
			return fmt.Errorf("%s: %w", w.Vms[i].Name, err)
		}
	}
	if err := l.fleet(w.Fleet.Count, or(w.Fleet.Prefix, "fleet-")); err != nil {
		return err
	}
	// Last: on a host in maintenance no VM could be made.
	for _, o := range w.Overlays {
		if err := l.overlay(o.Object, o.Set); err != nil {
			return fmt.Errorf("overlay of %s: %w", o.Object, err)
		}
	}
	return nil
}

func (l *lab) entity(kind, name string) mo.Entity {
	var found mo.Entity
	for _, e := range l.svc.Context.Map.All(kind) {
		if n := e.Entity().Name; n == name || name == "" && (found == nil || n < found.Entity().Name) {
			found = e
		}
	}
	return found
}

// own gives each call its own context: locks are held by context, and calls in a shared one would not exclude each other.
func (l *lab) own() *simulator.Context {
	c := *l.svc.Context
	return &c
}

func (l *lab) folder(dc *simulator.Datacenter, path string) (*simulator.Folder, error) {
	reg := l.svc.Context.Map
	f := reg.Get(dc.VmFolder).(*simulator.Folder)
	for _, name := range strings.FieldsFunc(path, func(r rune) bool { return r == '/' }) {
		if c := reg.FindByName(name, f.ChildEntity); c != nil {
			f = c.(*simulator.Folder)
			continue
		}
		res := f.CreateFolder(l.own(), &types.CreateFolder{This: f.Self, Name: name})
		if res.Fault() != nil {
			return nil, fmt.Errorf("folder %s: %v", name, res.Fault())
		}
		f = reg.Get(res.(*methods.CreateFolderBody).Res.Returnval).(*simulator.Folder)
	}
	return f, nil
}

// create starts the creation of a VM. The folder's lock makes the next call wait for it: no polling, no ticker.
func (l *lab) create(f *simulator.Folder, host *simulator.HostSystem, spec types.VirtualMachineConfigSpec) ref {
	reg := l.svc.Context.Map
	var pool *ref
	switch c := reg.Get(*host.Parent).(type) {
	case *simulator.ClusterComputeResource:
		pool = c.ResourcePool
	case *mo.ComputeResource:
		pool = c.ResourcePool
	}
	return f.CreateVMTask(l.own(), &types.CreateVM_Task{This: f.Self, Config: spec, Pool: *pool,
		Host: &host.Self}).(*methods.CreateVM_TaskBody).Res.Returnval
}

func (l *lab) make(v *worldVM) error {
	ctx := l.own()
	host, ok := l.entity("HostSystem", v.Host).(*simulator.HostSystem)
	if !ok {
		return fmt.Errorf("no host %s", v.Host)
	}
	dc := l.datacenter(host)
	f, err := l.folder(dc, v.Folder)
	if err != nil {
		return err
	}
	v.Spec.Name = v.Name
	if v.Spec.Files == nil {
		v.Spec.Files = &types.VirtualMachineFileInfo{VmPathName: "[" + v.Datastore + "]"}
	}
	if err := l.resolve(dc, &v.Spec); err != nil {
		return err
	}
	id, ft := wait(ctx, l.create(f, host, v.Spec))
	if ft != nil {
		return fmt.Errorf("%T %+v", ft, ft)
	}
	vm := ctx.Map.Get(id.(ref)).(*simulator.VirtualMachine)
	if err := lay(vm, v.Overlay); err != nil {
		return fmt.Errorf("overlay: %w", err)
	}
	sizeDisks(ctx, &vm.VirtualMachine)
	for i, d := range disks(vm.Config.Hardware.Device) {
		if i < len(v.Images) && v.Images[i] != "" {
			if err := fill(v.Images[i], flat(ctx, &vm.VirtualMachine, d.b.FileName), d.CapacityInBytes); err != nil {
				return err
			}
		}
	}
	for _, name := range v.Snapshots {
		w := &labVM{vm, l}
		task := w.CreateSnapshotTask(ctx, &types.CreateSnapshot_Task{This: vm.Self, Name: name}).(*methods.CreateSnapshot_TaskBody).Res.Returnval
		if _, ft = wait(ctx, task); ft != nil {
			return fmt.Errorf("snapshot %s: %T", name, ft)
		}
	}
	if v.Power != "" {
		state := types.VirtualMachinePowerState(v.Power)
		ctx.Map.AtomicUpdate(ctx, vm, []types.PropertyChange{{Name: "runtime.powerState", Val: state}, {Name: "summary.runtime.powerState", Val: state}})
	}
	return nil
}

// fill gives a disk its first bytes: the image's, which may be shorter than the disk.
func fill(image, file string, size int64) error {
	if err := clone(image, file); err != nil {
		return err
	}
	return os.Truncate(file, size)
}
