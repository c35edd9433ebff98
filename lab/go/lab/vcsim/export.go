package vcsim

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"reflect"
	"sync"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// exports are the leases under which disks are downloaded. One VM has one at a time, and cannot be started meanwhile.
type exports struct {
	l          *lab
	port       string
	thumbprint string
	mu         sync.Mutex
	timeout    time.Duration
	leases     []*labLease
}

type labLease struct {
	mo.HttpNfcLease // first: the simulator looks for it there
	x               *exports
	vm              ref
	of              string // ExportVm or ExportSnapshot
	ticket          string
	disks           map[string]exported
	host            string
	timer           *time.Timer
	over            chan struct{}
	how             string // open, complete, abort, timeout
	percents        []int32
	gets            int
}

type exported struct {
	path string
	size int64
}

func newExports(l *lab, listen, thumbprint string) *exports {
	_, port, _ := net.SplitHostPort(listen)
	return &exports{l: l, port: port, thumbprint: thumbprint, timeout: 5 * time.Minute}
}

func (x *exports) register(mux *http.ServeMux) { mux.HandleFunc("GET /nfc/{ticket}/{name}", x.serve) }

// held tells whether a lease stands on the VM.
func (x *exports) held(vm ref) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, e := range x.leases {
		if e.vm == vm && e.how == "open" {
			return true
		}
	}
	return false
}

func (v *labVM) ExportVm(ctx *simulator.Context, _ *types.ExportVm) soap.HasFault {
	body := new(methods.ExportVmBody)
	if v.Runtime.PowerState != types.VirtualMachinePowerStatePoweredOff {
		body.Fault_ = simulator.Fault("", &types.InvalidPowerState{RequestedState: types.VirtualMachinePowerStatePoweredOff,
			ExistingState: v.Runtime.PowerState})
		return body
	}
	sizeDisks(ctx, &v.VirtualMachine.VirtualMachine)
	lease, f := v.l.exports.open(ctx, v.VirtualMachine, "ExportVm", v.Config.Hardware.Device)
	if f != nil {
		body.Fault_ = simulator.Fault("", f)
		return body
	}
	body.Res = &types.ExportVmResponse{Returnval: *lease}
	return body
}

func (s *labSnapshot) ExportSnapshot(ctx *simulator.Context, _ *types.ExportSnapshot) soap.HasFault {
	body := new(methods.ExportSnapshotBody)
	lease, f := s.l.exports.open(ctx, s.vm(ctx).VirtualMachine, "ExportSnapshot", s.Config.Hardware.Device)
	if f != nil {
		body.Fault_ = simulator.Fault("", f)
		return body
	}
	body.Res = &types.ExportSnapshotResponse{Returnval: *lease}
	return body
}

// open makes a lease that is ready a moment later, as a host needs one to open the disks.
func (x *exports) open(ctx *simulator.Context, vm *simulator.VirtualMachine, of string, devices []types.BaseVirtualDevice) (*ref, fault) {
	if x.held(vm.Self) {
		return nil, new(types.InvalidState)
	}
	e := &labLease{x: x, vm: vm.Self, of: of, ticket: rand.Text(), host: hostOf(vm), how: "open",
		disks: map[string]exported{}, over: make(chan struct{})}
	e.Self.Type = "HttpNfcLease"
	e.State = types.HttpNfcLeaseStateInitializing
	info := &types.HttpNfcLeaseInfo{Entity: vm.Self, LeaseTimeout: int32(x.timeout / time.Second)}
	for i, d := range disks(devices) {
		name := fmt.Sprintf("disk-%d.vmdk", i)
		e.disks[name] = exported{flat(ctx, &vm.VirtualMachine, d.b.FileName), d.CapacityInBytes}
		info.TotalDiskCapacityInKB += d.CapacityInBytes >> 10
		yes := true
		info.DeviceUrl = append(info.DeviceUrl, types.HttpNfcLeaseDeviceUrl{Key: fmt.Sprintf("/%s/%s", vm.Self.Value, place(devices, d)),
			Url: fmt.Sprintf("https://*:%s/nfc/%s/%s", x.port, e.ticket, name), SslThumbprint: x.thumbprint, Disk: &yes, TargetId: name})
	}
	ctx.Session.Put(e)
	info.Lease = e.Self
	x.mu.Lock()
	x.leases = append(x.leases, e)
	e.timer = time.AfterFunc(x.timeout, func() { e.end("timeout") })
	x.mu.Unlock()
	time.AfterFunc(100*time.Millisecond, func() {
		e.set(types.PropertyChange{Name: "info", Val: info}, types.PropertyChange{Name: "state", Val: types.HttpNfcLeaseStateReady})
	})
	return &e.Self, nil
}

// place names a disk by its controller, as a lease does: ParaVirtualSCSIController0:1.
func place(devices []types.BaseVirtualDevice, d disk) string {
	for _, c := range devices {
		if b, ok := c.(types.BaseVirtualController); ok && c.GetVirtualDevice().Key == d.ControllerKey {
			unit := int32(0)
			if d.UnitNumber != nil {
				unit = *d.UnitNumber
			}
			return fmt.Sprintf("%s%d:%d", reflect.TypeOf(c).Elem().Name(), b.GetVirtualController().BusNumber, unit)
		}
	}
	return fmt.Sprintf("VirtualDisk%d", d.Key)
}

func (e *labLease) set(changes ...types.PropertyChange) {
	ctx := e.x.l.own()
	ctx.Map.AtomicUpdate(ctx, e, changes)
}

// end gives the VM free and cuts off what is downloaded still.
func (e *labLease) end(how string) {
	e.x.mu.Lock()
	defer e.x.mu.Unlock()
	if e.how != "open" {
		return
	}
	e.how = how
	e.timer.Stop()
	close(e.over)
}

func (e *labLease) HttpNfcLeaseProgress(ctx *simulator.Context, req *types.HttpNfcLeaseProgress) soap.HasFault {
	body := new(methods.HttpNfcLeaseProgressBody)
	e.x.mu.Lock()
	defer e.x.mu.Unlock()
	if e.how != "open" {
		body.Fault_ = simulator.Fault("", new(types.Timedout))
		return body
	}
	e.timer.Reset(e.x.timeout)
	e.TransferProgress = req.Percent
	e.percents = append(e.percents, req.Percent)
	body.Res = new(types.HttpNfcLeaseProgressResponse)
	return body
}

func (e *labLease) HttpNfcLeaseComplete(ctx *simulator.Context, req *types.HttpNfcLeaseComplete) soap.HasFault {
	e.end("complete")
	ctx.Session.Remove(ctx, req.This)
	return &methods.HttpNfcLeaseCompleteBody{Res: new(types.HttpNfcLeaseCompleteResponse)}
}

func (e *labLease) HttpNfcLeaseAbort(ctx *simulator.Context, req *types.HttpNfcLeaseAbort) soap.HasFault {
	e.end("abort")
	ctx.Session.Remove(ctx, req.This)
	return &methods.HttpNfcLeaseAbortBody{Res: new(types.HttpNfcLeaseAbortResponse)}
}

// serve needs no session: the ticket is the right. A download is one of the host's NFC sessions.
func (x *exports) serve(w http.ResponseWriter, r *http.Request) {
	x.mu.Lock()
	var e *labLease
	for _, each := range x.leases {
		if each.ticket == r.PathValue("ticket") && each.how == "open" {
			e = each
		}
	}
	x.mu.Unlock()
	if e == nil {
		http.NotFound(w, r)
		return
	}
	d, ok := e.disks[r.PathValue("name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	f, err := os.Open(d.path)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	handle, free := x.l.doors.admit(&door{f, d.size, e.host, true})
	if !free {
		http.Error(w, "The host has too many NFC connections.", http.StatusServiceUnavailable)
		return
	}
	defer x.l.doors.close(handle)
	x.mu.Lock()
	e.gets++
	x.mu.Unlock()
	w.Header().Set("Content-Type", "application/x-vnd.vmware-streamVmdk")
	err = writeVMDK(w, f, d.size, func() error {
		x.l.sleep("NfcRead")
		select {
		case <-e.over:
			return fmt.Errorf("the lease has ended")
		case <-r.Context().Done():
			return r.Context().Err()
		default:
			return nil
		}
	})
	if err != nil {
		panic(http.ErrAbortHandler) // cut off, not ended
	}
}

// handleList tells of all leases since the start.
func (x *exports) handleList(w http.ResponseWriter, _ *http.Request) {
	type told struct {
		VM, Of, How string
		Percents    []int32
		Gets        int
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	list := []told{}
	for _, e := range x.leases {
		list = append(list, told{e.vm.Value, e.of, e.how, e.percents, e.gets})
	}
	_ = json.NewEncoder(w).Encode(list)
}

// handleExpire ends all leases as if nobody had told of progress.
func (x *exports) handleExpire(http.ResponseWriter, *http.Request) {
	x.mu.Lock()
	all := append([]*labLease{}, x.leases...)
	x.mu.Unlock()
	for _, e := range all {
		e.end("timeout")
	}
}

// handleTimeout sets how long the leases that are made from now on live without a word.
func (x *exports) handleTimeout(w http.ResponseWriter, r *http.Request) {
	d, err := time.ParseDuration(r.URL.Query().Get("after"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	x.mu.Lock()
	x.timeout = d
	x.mu.Unlock()
}
