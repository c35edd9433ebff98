package vcsim

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// Where VMs live: data centres, clusters, hosts, and what all of them reach: datastores and networks.

func (w *world) model() *simulator.Model {
	m := simulator.VPX()
	m.Datacenter, m.Cluster, m.ClusterHost = w.Datacenters, w.Clusters, w.Hosts
	m.Machine, m.Autostart, m.Datastore, m.Host, m.Portgroup = 0, false, 0, 0, 0
	for _, n := range w.Networks {
		if n.Type == "dvportgroup" {
			m.Portgroup++
		}
	}
	return m
}

// rename gives clusters the names C0, C1 … in each data centre, and hosts esx-0, esx-1 … in all of vCenter. Nobody watches yet.
func (l *lab) rename() {
	for i, h := range l.hosts() {
		h.Name = fmt.Sprintf("esx-%d", i)
		h.Summary.Config.Name = h.Name
	}
	for _, e := range l.svc.Context.Map.All("ClusterComputeResource") {
		e.Entity().Name = strings.TrimPrefix(e.Entity().Name, l.datacenter(e).Name+"_")
	}
}

// hosts are in the order in which they were made.
func (l *lab) hosts() (res []*simulator.HostSystem) {
	for _, h := range l.svc.Context.Map.All("HostSystem") {
		res = append(res, h.(*simulator.HostSystem))
	}
	number := func(h *simulator.HostSystem) (n int) {
		_, _ = fmt.Sscanf(h.Self.Value, "host-%d", &n)
		return
	}
	slices.SortFunc(res, func(a, b *simulator.HostSystem) int { return number(a) - number(b) })
	return
}

// datacenter is the one that an object lies in.
func (l *lab) datacenter(e mo.Entity) *simulator.Datacenter {
	reg := l.svc.Context.Map
	for {
		if dc, ok := e.(*simulator.Datacenter); ok {
			return dc
		}
		e = reg.Get(*e.Entity().Parent).(mo.Entity)
	}
}

// child is what lies under this name in a folder of a data centre.
func (l *lab) child(folder ref, name string) mo.Entity {
	reg := l.svc.Context.Map
	return reg.FindByName(name, reg.Get(folder).(*simulator.Folder).ChildEntity)
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
			if d.CapacityGB > 0 {
				ds := l.child(l.datacenter(h).DatastoreFolder, d.Name).(*simulator.Datastore)
				ds.Summary.Capacity, ds.Summary.FreeSpace = d.CapacityGB<<30, d.CapacityGB<<30
			}
		}
	}
	return nil
}

// labDatastore has the room that the world gives it: vcsim's own look at it would give it a TB for each host.
type labDatastore struct{ *simulator.Datastore }

func (labDatastore) RefreshDatastore(*simulator.Context, *types.RefreshDatastore) soap.HasFault {
	return &methods.RefreshDatastoreBody{Res: new(types.RefreshDatastoreResponse)}
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
	groups := 0
	for _, n := range w.Networks {
		if n.Type == "dvportgroup" {
			for _, e := range ctx.Map.All("Datacenter") {
				dc := e.(*simulator.Datacenter)
				g := l.child(dc.NetworkFolder, fmt.Sprintf("%s_DVPG%d", dc.Name, groups)).(*simulator.DistributedVirtualPortgroup)
				g.Name, g.Config.Name, g.Entity().Name = n.Name, n.Name, n.Name // nobody watches yet
				g.Summary.(*types.NetworkSummary).Name = n.Name
			}
			groups++
			continue
		}
		for _, h := range l.hosts() {
			system := ctx.Map.Get(*h.ConfigManager.NetworkSystem).(*simulator.HostNetworkSystem)
			res := system.AddPortGroup(l.own(), &types.AddPortGroup{This: system.Self, Portgrp: types.HostPortGroupSpec{Name: n.Name, VswitchName: "vSwitch0"}})
			if f := res.Fault(); f != nil && !duplicate(f.VimFault()) { // the second host finds the first's
				return fmt.Errorf("network %s: %T", n.Name, f.VimFault())
			}
		}
	}
	return nil
}

// resolve turns the names of distributed port groups into their keys, which are not known before.
func (l *lab) resolve(dc *simulator.Datacenter, spec *types.VirtualMachineConfigSpec) error {
	for _, change := range spec.DeviceChange {
		card, ok := change.GetVirtualDeviceConfigSpec().Device.(types.BaseVirtualEthernetCard)
		if !ok {
			continue
		}
		b, ok := card.GetVirtualEthernetCard().Backing.(*types.VirtualEthernetCardNetworkBackingInfo)
		if !ok {
			continue
		}
		switch g := l.child(dc.NetworkFolder, b.DeviceName).(type) {
		case *mo.Network:
		case *simulator.DistributedVirtualPortgroup:
			uuid := ""
			if dvs, ok := l.svc.Context.Map.Get(*g.Config.DistributedVirtualSwitch).(*simulator.DistributedVirtualSwitch); ok {
				uuid = dvs.Uuid
			}
			card.GetVirtualEthernetCard().Backing = &types.VirtualEthernetCardDistributedVirtualPortBackingInfo{
				Port: types.DistributedVirtualSwitchPortConnection{PortgroupKey: g.Key, SwitchUuid: uuid}}
		default:
			return fmt.Errorf("no network %s", b.DeviceName)
		}
	}
	return nil
}
