package vcsim

import (
	"fmt"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// fleet makes n light VMs in folders of 500, for scale.
func (l *lab) fleet(n int, prefix string) error {
	if n == 0 {
		return nil
	}
	store := l.entity("Datastore", "").Entity().Name
	hosts := l.hosts()
	unit := int32(0)
	var tasks []ref
	for i := 0; i < n; i++ {
		host := hosts[i%len(hosts)]
		f, err := l.folder(l.datacenter(host), fmt.Sprintf("%s%d", prefix, i/500))
		if err != nil {
			return err
		}
		scsi, net := &types.ParaVirtualSCSIController{}, &types.VirtualVmxnet3{}
		scsi.Key, scsi.SharedBus = -1, types.VirtualSCSISharingNoSharing
		net.Backing = &types.VirtualEthernetCardNetworkBackingInfo{VirtualDeviceDeviceBackingInfo: types.VirtualDeviceDeviceBackingInfo{DeviceName: "VM Network"}}
		d := &types.VirtualDisk{CapacityInBytes: 40 << 30}
		d.Key, d.ControllerKey, d.UnitNumber = -2, -1, &unit
		d.Backing = &flatBacking{DiskMode: "persistent", ThinProvisioned: types.NewBool(true)}
		add := func(x types.BaseVirtualDevice, op types.VirtualDeviceConfigSpecFileOperation) types.BaseVirtualDeviceConfigSpec {
			return &types.VirtualDeviceConfigSpec{Operation: "add", Device: x, FileOperation: op}
		}
		tasks = append(tasks, l.create(f, host, types.VirtualMachineConfigSpec{Name: fmt.Sprintf("%s%05d", prefix, i),
			GuestId: "rhel9_64Guest", NumCPUs: 2, MemoryMB: 4096, Files: &types.VirtualMachineFileInfo{VmPathName: "[" + store + "]"},
			DeviceChange: []types.BaseVirtualDeviceConfigSpec{add(scsi, ""), add(d, "create"), add(net, "")}}))
	}
	for _, t := range tasks {
		if _, ft := wait(l.own(), t); ft != nil {
			return fmt.Errorf("%T %+v", ft, ft)
		}
	}
	return nil
}

type listed struct {
	VM       string `json:"vm"`
	ID       string `json:"id"`
	File     string `json:"file"`
	Path     string `json:"path"`
	Snapshot string `json:"snapshot,omitempty"`
	Key      int32  `json:"key"`
	Capacity int64  `json:"capacity"`
}

// list tells where each disk's bytes lie on this machine.
func (l *lab) list() (res []listed) {
	ctx := l.own()
	for _, e := range ctx.Map.All("VirtualMachine") {
		vm := e.(*simulator.VirtualMachine)
		add := func(snapshot string, devices []types.BaseVirtualDevice) {
			for _, d := range disks(devices) {
				res = append(res, listed{vm.Name, vm.Self.Value, d.b.FileName, flat(ctx, &vm.VirtualMachine, d.b.FileName), snapshot, d.Key, d.CapacityInBytes})
			}
		}
		ctx.Map.WithLock(ctx, vm, func() {
			add("", vm.Config.Hardware.Device)
			for _, s := range snapshotsOf(ctx, vm) {
				add(s.Self.Value, s.Config.Hardware.Device)
			}
		})
	}
	return
}
