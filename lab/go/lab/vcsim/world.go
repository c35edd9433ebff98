package vcsim

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// world is what the JSON file describes (made from the world file by the lab). Overlay is decoded over the VM's managed
// object after CreateVM has done what it does, so nothing that vcsim drops is out of reach.
type world struct {
	Hosts      int
	Datastores []struct {
		Name       string
		CapacityGB int64
	}
	Networks []struct{ Name, Type string }
	Vms      []worldVM
	Fleet    struct {
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
	w := &world{Hosts: 1}
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

func (w *world) model() *simulator.Model {
	m := simulator.VPX()
	m.Machine, m.Autostart, m.Datastore, m.Host, m.ClusterHost, m.Portgroup = 0, false, 0, 0, max(1, w.Hosts), 0
	for _, n := range w.Networks {
		if n.Type == "dvportgroup" {
			m.Portgroup++
		}
	}
	return m
}

// build fills the empty data centre: datastores as folders of dir, networks, VMs.
func (l *lab) build(w *world, dir string) error {
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
	return l.fleet(w.Fleet.Count, or(w.Fleet.Prefix, "fleet-"))
}

func (l *lab) hosts() (res []*simulator.HostSystem) {
	for _, h := range l.svc.Context.Map.All("HostSystem") {
		res = append(res, h.(*simulator.HostSystem))
	}
	return
}

func (l *lab) datastores(w *world, dir string) error {
	for _, d := range w.Datastores {
		folder := filepath.Join(dir, d.Name)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		for _, h := range l.hosts() {
			system := l.svc.Context.Map.Get(*h.ConfigManager.DatastoreSystem).(*simulator.HostDatastoreSystem)
			res := system.CreateLocalDatastore(l.own(), &types.CreateLocalDatastore{This: system.Self, Name: d.Name, Path: folder})
			if f := res.Fault(); f != nil && !duplicate(f.VimFault()) {
				return fmt.Errorf("datastore %s: %T", d.Name, f.VimFault())
			}
		}
		if d.CapacityGB > 0 {
			ds := l.entity("Datastore", d.Name).(*simulator.Datastore)
			ds.Summary.Capacity, ds.Summary.FreeSpace = d.CapacityGB<<30, d.CapacityGB<<30
		}
	}
	return nil
}

func duplicate(f any) bool {
	_, is := f.(*types.DuplicateName)
	if !is {
		_, is = f.(types.DuplicateName)
	}
	return is
}

func (l *lab) networks(w *world) error {
	ctx := l.own()
	var groups []mo.Entity
	for _, e := range ctx.Map.All("DistributedVirtualPortgroup") {
		if !strings.Contains(e.Entity().Name, "Uplinks") {
			groups = append(groups, e)
		}
	}
	for _, n := range w.Networks {
		switch {
		case n.Type == "dvportgroup":
			g := groups[0].(*simulator.DistributedVirtualPortgroup)
			groups = groups[1:]
			g.Name, g.Config.Name, g.Entity().Name = n.Name, n.Name, n.Name // nobody watches yet
			g.Summary.(*types.NetworkSummary).Name = n.Name
		case l.entity("Network", n.Name) == nil:
			for _, h := range l.hosts() {
				system := ctx.Map.Get(*h.ConfigManager.NetworkSystem).(*simulator.HostNetworkSystem)
				res := system.AddPortGroup(l.own(), &types.AddPortGroup{This: system.Self, Portgrp: types.HostPortGroupSpec{Name: n.Name, VswitchName: "vSwitch0"}})
				if f := res.Fault(); f != nil && !duplicate(f.VimFault()) { // the second host finds the first's
					return fmt.Errorf("network %s: %T", n.Name, f.VimFault())
				}
			}
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
	f, err := l.folder(l.entity("Datacenter", "").(*simulator.Datacenter), v.Folder)
	if err != nil {
		return err
	}
	v.Spec.Name = v.Name
	if v.Spec.Files == nil {
		v.Spec.Files = &types.VirtualMachineFileInfo{VmPathName: "[" + v.Datastore + "]"}
	}
	if err := l.resolve(&v.Spec); err != nil {
		return err
	}
	id, ft := wait(ctx, l.create(f, l.entity("HostSystem", v.Host).(*simulator.HostSystem), v.Spec))
	if ft != nil {
		return fmt.Errorf("%T %+v", ft, ft)
	}
	vm := ctx.Map.Get(id.(ref)).(*simulator.VirtualMachine)
	if err := overlay(vm, v.Overlay); err != nil {
		return err
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

// resolve turns the names of distributed port groups into their keys, which are not known before.
func (l *lab) resolve(spec *types.VirtualMachineConfigSpec) error {
	for _, change := range spec.DeviceChange {
		card, ok := change.GetVirtualDeviceConfigSpec().Device.(types.BaseVirtualEthernetCard)
		if !ok {
			continue
		}
		b, ok := card.GetVirtualEthernetCard().Backing.(*types.VirtualEthernetCardNetworkBackingInfo)
		if !ok || l.entity("Network", b.DeviceName) != nil {
			continue
		}
		g, ok := l.entity("DistributedVirtualPortgroup", b.DeviceName).(*simulator.DistributedVirtualPortgroup)
		if !ok {
			return fmt.Errorf("no network %s", b.DeviceName)
		}
		uuid := ""
		if dvs, ok := l.svc.Context.Map.Get(*g.Config.DistributedVirtualSwitch).(*simulator.DistributedVirtualSwitch); ok {
			uuid = dvs.Uuid
		}
		card.GetVirtualEthernetCard().Backing = &types.VirtualEthernetCardDistributedVirtualPortBackingInfo{
			Port: types.DistributedVirtualSwitchPortConnection{PortgroupKey: g.Key, SwitchUuid: uuid}}
	}
	return nil
}

func overlay(vm *simulator.VirtualMachine, raw json.RawMessage) error {
	if len(raw) == 0 {
		return nil
	}
	// Lists out of the way: the decoder would fill the old elements, which all VMs share.
	h := &vm.Config.Hardware
	devices, extra := h.Device, vm.Config.ExtraConfig
	h.Device, vm.Config.ExtraConfig = nil, nil
	if err := types.NewJSONDecoder(strings.NewReader(string(raw))).Decode(&vm.VirtualMachine); err != nil && err != io.EOF {
		return fmt.Errorf("overlay: %w", err)
	}
	if h.Device == nil {
		h.Device = devices
	}
	if vm.Config.ExtraConfig == nil {
		vm.Config.ExtraConfig = extra
	}
	return nil
}
