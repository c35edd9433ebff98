package vcsim

import (
	"crypto/subtle"
	"fmt"
	"net/http"
	"os"
	"path"
	"strconv"
	"sync"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// doors are the disks that the lab's vddk plugin holds open. Each open is a login of its own, as with the real library.
type doors struct {
	l          *lab
	user, pass string
	limit      int
	mu         sync.Mutex
	next       int
	open       map[string]*door
}

type door struct {
	file     *os.File
	size     int64
	host     string
	exported bool
}

func newDoors(l *lab, user, pass string, limit int) *doors {
	return &doors{l: l, user: user, pass: pass, limit: limit, open: map[string]*door{}}
}

func (d *doors) register(mux *http.ServeMux) {
	mux.HandleFunc("POST /lab/vddk/open", d.handleOpen)
	mux.HandleFunc("GET /lab/vddk/read", d.with(d.read))
	mux.HandleFunc("GET /lab/vddk/extents", d.with(d.extents))
	mux.HandleFunc("POST /lab/vddk/close", d.with(func(w http.ResponseWriter, r *http.Request, _ *door) { d.close(r.URL.Query().Get("handle")) }))
}

func (d *doors) with(f func(http.ResponseWriter, *http.Request, *door)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		x := d.open[r.URL.Query().Get("handle")]
		d.mu.Unlock()
		if x == nil {
			http.Error(w, "VixDiskLib: Invalid handle", http.StatusNotFound)
			return
		}
		f(w, r, x)
	}
}

// handleOpen checks the login, that VM, snapshot and file belong together, and that nobody writes to the file.
func (d *doors) handleOpen(w http.ResponseWriter, r *http.Request) {
	user, pass, _ := r.BasicAuth()
	if subtle.ConstantTimeCompare([]byte(user), []byte(d.user)) != 1 || subtle.ConstantTimeCompare([]byte(pass), []byte(d.pass)) != 1 {
		http.Error(w, "VixDiskLib_Open: Cannot complete login due to an incorrect user name or password. (Error code 3014)", http.StatusUnauthorized)
		return
	}
	q := r.URL.Query()
	x, err := d.find(q.Get("vm"), q.Get("snapshot"), q.Get("file"))
	if err != nil {
		http.Error(w, "VixDiskLib_Open: "+err.Error(), http.StatusConflict)
		return
	}
	handle, ok := d.admit(x)
	if !ok {
		http.Error(w, "VixDiskLib_Open: NfcFssrvrOpen: Failed to open file. The host has too many NFC connections. (Error code 4)", http.StatusTooManyRequests)
		return
	}
	fmt.Fprintf(w, "%s %d\n", handle, x.size)
}

// admit counts a disk among those that its host holds open; where there are too many, it is closed.
func (d *doors) admit(x *door) (handle string, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	held := 0
	for _, o := range d.open {
		if o.host == x.host {
			held++
		}
	}
	if held >= d.limit {
		x.file.Close()
		return "", false
	}
	d.next++
	handle = strconv.Itoa(d.next)
	d.open[handle] = x
	return handle, true
}

func (d *doors) find(vmID, snapshot, file string) (*door, error) {
	ctx := d.l.own()
	vm, ok := ctx.Map.Get(ref{Type: "VirtualMachine", Value: vmID}).(*simulator.VirtualMachine)
	if !ok {
		return nil, fmt.Errorf("The object moref=%s has been deleted or has not been completely created", vmID)
	}
	devices := vm.Config.Hardware.Device
	if snapshot != "" {
		s, ok := ctx.Map.Get(ref{Type: "VirtualMachineSnapshot", Value: snapshot}).(*simulator.VirtualMachineSnapshot)
		if !ok || s.Vm != vm.Self {
			return nil, fmt.Errorf("The snapshot %s is not one of %s", snapshot, vmID)
		}
		devices = s.Config.Hardware.Device
	} else if vm.Runtime.PowerState != types.VirtualMachinePowerStatePoweredOff {
		return nil, fmt.Errorf("The file is already in use: a powered-on VM is read from a snapshot. (Error code 13)")
	}
	for _, k := range disks(devices) {
		if k.b.FileName != file {
			continue
		}
		f, err := os.Open(flat(ctx, &vm.VirtualMachine, file))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path.Base(file), err)
		}
		return &door{file: f, size: k.CapacityInBytes, host: hostOf(vm)}, nil
	}
	return nil, fmt.Errorf("The file %s was not found on this VM. (Error code 4)", file)
}

func hostOf(vm *simulator.VirtualMachine) string {
	var m *mo.VirtualMachine = &vm.VirtualMachine
	if m.Runtime.Host == nil {
		return ""
	}
	return m.Runtime.Host.Value
}

func (d *doors) close(handle string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if x := d.open[handle]; x != nil {
		x.file.Close()
		delete(d.open, handle)
	}
}

// drop closes the disks of the vddk plugin, as the end of their sessions does. What is exported needs none.
func (d *doors) drop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for handle, x := range d.open {
		if !x.exported {
			x.file.Close()
			delete(d.open, handle)
		}
	}
}

const maxRead = 32 << 20

func (d *doors) read(w http.ResponseWriter, r *http.Request, x *door) {
	offset, _ := strconv.ParseInt(r.URL.Query().Get("offset"), 10, 64)
	length, _ := strconv.ParseInt(r.URL.Query().Get("length"), 10, 64)
	if offset < 0 || length <= 0 || length > maxRead || offset+length > x.size {
		http.Error(w, "VixDiskLib_Read: One of the parameters was invalid. (Error code 3)", http.StatusBadRequest)
		return
	}
	d.l.sleep("VixDiskLib_Read")
	b := make([]byte, length) // zeros where the file is shorter than the disk
	if n, err := x.file.ReadAt(b, offset); n < len(b) && err != nil && err.Error() != "EOF" {
		http.Error(w, "VixDiskLib_Read: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Length", strconv.FormatInt(length, 10))
	_, _ = w.Write(b)
}

// extents lists the allocated areas in a window: "start length" lines, at most 4096 of them.
func (d *doors) extents(w http.ResponseWriter, r *http.Request, x *door) {
	offset, _ := strconv.ParseInt(r.URL.Query().Get("offset"), 10, 64)
	f, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", x.file.Fd())) // its own file position, wherever the file lies now
	if err != nil {
		http.Error(w, "VixDiskLib_QueryAllocatedBlocks: "+err.Error(), http.StatusInternalServerError)
		return
	}
	defer f.Close()
	n := 0
	_ = extentsFrom(f, offset, x.size, func(off, end int64) error {
		fmt.Fprintf(w, "%d %d\n", off, end-off)
		if n++; n == 4096 {
			return os.ErrDeadlineExceeded // enough: the client asks on from here
		}
		return nil
	})
}
