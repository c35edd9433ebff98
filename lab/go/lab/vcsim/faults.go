package vcsim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// handle is the registry's Handler: called before each method, with no lock held.
func (l *lab) handle(ctx *simulator.Context, m *simulator.Method) (mo.Reference, types.BaseMethodFault) {
	l.sleep(m.Name)
	if ctx.Session == nil {
		if strings.HasPrefix(m.Name, "Retrieve") && m.This.Type == "PropertyCollector" && !asksSessionOnly(m) {
			return nil, &types.NotAuthenticated{NoPermission: types.NoPermission{Object: &m.This, PrivilegeId: "System.View"}}
		}
		return nil, nil
	}
	if m.Name == "WaitForUpdatesEx" {
		if pc, ok := ctx.Session.Get(m.This).(*simulator.PropertyCollector); ok {
			l.waiting.Store(pc, ctx.Session.Key)
		}
	}
	var o mo.Reference
	switch x := ctx.Session.Get(m.This).(type) {
	case *simulator.PropertyCollector:
		o = &labCollector{x}
	case *simulator.VirtualMachine:
		o = &labVM{x, l}
	case *simulator.PerformanceManager:
		o = &labPerformance{x, l}
	case *simulator.AuthorizationManager:
		o = &labAuthorization{x, l}
	case *simulator.VirtualMachineSnapshot:
		o = &labSnapshot{x, l}
	case *simulator.Datastore:
		o = &labDatastore{x}
	default:
		return nil, nil
	}
	m.This.Value = "lab:" + m.This.Value // a session looks This up again, and would drop o for what it finds
	return o, nil
}

// sleep keeps a method waiting for as long as the control port has set.
func (l *lab) sleep(method string) {
	l.mu.Lock()
	d := l.delay[method]
	l.mu.Unlock()
	time.Sleep(d)
}

// asksSessionOnly: clients test for a session by reading SessionManager.currentSession without one.
func asksSessionOnly(m *simulator.Method) bool {
	var set []types.PropertyFilterSpec
	switch b := m.Body.(type) {
	case *types.RetrievePropertiesEx:
		set = b.SpecSet
	case *types.RetrieveProperties:
		set = b.SpecSet
	}
	for _, s := range set {
		for _, o := range s.ObjectSet {
			if o.Obj.Type != "SessionManager" && o.Obj.Type != "ServiceInstance" {
				return false
			}
		}
	}
	return true
}

// expire ends all sessions, the waits that they have open, and the disks that are read.
func (l *lab) expire() int {
	reg := l.svc.Context.Map
	sm := reg.SessionManager()
	list := (&simulator.Session{Registry: simulator.NewRegistry(), Map: reg}).Get(sm.Self).(*simulator.SessionManager).SessionList
	for _, s := range list {
		sm.TerminateSession(&simulator.Context{Map: reg, Session: &simulator.Session{}}, &types.TerminateSession{SessionId: []string{s.Key}})
	}
	l.doors.drop()
	l.waiting.Range(func(k, _ any) bool {
		pc := k.(*simulator.PropertyCollector)
		pc.CancelWaitForUpdates(&types.CancelWaitForUpdates{})
		reg.RemoveHandler(pc) // only Logout does that in vcsim: updates would pile up in it for ever
		l.waiting.Delete(k)
		return true
	})
	return len(list)
}

type rule struct {
	Method, Type, VM, Fault, Message string
	Count, Skip, DelayMs             int
	Probability                      float64
	Task                             string // DescriptionId such as VirtualMachine.createSnapshot: the task fails, not the call
}

func newFault(name string) (types.BaseMethodFault, error) {
	t, ok := types.TypeFunc()(name)
	if !ok {
		return nil, fmt.Errorf("no such type: %s", name)
	}
	f, ok := reflect.New(t).Interface().(types.BaseMethodFault)
	if !ok {
		return nil, fmt.Errorf("not a fault: %s", name)
	}
	return f, nil
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (l *lab) addRule(r rule) error {
	f, err := newFault(r.Fault)
	if err != nil {
		return err
	}
	if r.Probability == 0 {
		r.Probability = 1
	}
	if r.Task != "" {
		l.mu.Lock()
		l.rules = append(l.rules, &taskRule{r, f})
		l.mu.Unlock()
		return nil
	}
	l.svc.AddFaultRule(&simulator.FaultInjectionRule{Enabled: true, MethodName: or(r.Method, "*"), ObjectType: or(r.Type, "*"),
		ObjectName: or(r.VM, "*"), FaultType: simulator.FaultTypeCustom, Fault: f, Message: r.Message, MaxCount: r.Count,
		SkipCount: r.Skip, Delay: r.DelayMs, Probability: r.Probability})
	return nil
}

type taskRule struct {
	rule
	fault types.BaseMethodFault
}

// watcher is a RegisterObject: it sees every object that comes, changes or goes.
type watcher struct{ l *lab }

func (watcher) Reference() ref                       { return ref{Type: "Lab", Value: "lab"} }
func (watcher) RemoveObject(*simulator.Context, ref) {}
func (w watcher) PutObject(ctx *simulator.Context, o mo.Reference) {
	if vm, ok := o.(*simulator.VirtualMachine); ok {
		ownDevices(vm)
	}
	t, ok := o.(*simulator.Task)
	if !ok {
		return
	}
	w.l.mu.Lock()
	defer w.l.mu.Unlock()
	for _, r := range w.l.rules {
		name := ""
		if vm, ok := ctx.Map.Get(*t.Info.Entity).(*simulator.VirtualMachine); ok {
			name = vm.Name
		}
		if r.Count < 0 || r.Task != t.Info.DescriptionId || r.VM != "" && r.VM != name {
			continue
		}
		if r.Skip > 0 {
			r.Skip--
			continue
		}
		if r.Count > 0 {
			if r.Count--; r.Count == 0 {
				r.Count = -1
			}
		}
		f := r.fault
		t.Execute = func(*simulator.Task) (types.AnyType, types.BaseMethodFault) { return nil, f }
	}
}

func (w watcher) UpdateObject(_ *simulator.Context, o mo.Reference, changes []types.PropertyChange) {
	vm, ok := o.(*mo.VirtualMachine)
	if !ok {
		return
	}
	for _, c := range changes {
		if c.Name == "runtime.powerState" {
			if c.Val == types.VirtualMachinePowerStatePoweredOn {
				go func() { _ = w.l.notify(fmt.Sprint(c.Val), vm.Name) }() // the keeper asks for the VM's disks, and the VM is locked now
			} else {
				_ = w.l.notify(fmt.Sprint(c.Val), vm.Name)
			}
		}
	}
}

// The VM is locked while the keeper is told, but for shutdownGuest, which lasts as long as the guest takes.
const (
	tellDeadline     = 20 * time.Second
	shutdownDeadline = 15 * time.Minute
)

// notify tells the lab's process keeper about a VM and waits for its answer; what it could not do is told in the log too.
func (l *lab) notify(event, vm string) error {
	if l.hook == "" {
		return nil
	}
	err := l.tell(event, vm)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s of %s: the keeper: %v\n", event, vm, err)
	}
	return err
}

func (l *lab) tell(event, vm string) error {
	deadline := tellDeadline
	if event == "shutdownGuest" {
		deadline = shutdownDeadline
	}
	b, _ := json.Marshal(map[string]string{"event": event, "vm": vm})
	r, err := (&http.Client{Timeout: deadline}).Post(l.hook, "application/json", bytes.NewReader(b))
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		why, _ := io.ReadAll(io.LimitReader(r.Body, 400))
		return errors.New(string(why))
	}
	return nil
}

// ownDevices gives a new VM copies of the default devices: in vcsim all VMs share them, and so the PCI controller's
// list of its devices grows with each VM (at 10,000 VMs that makes each property read ten times dearer).
func ownDevices(vm *simulator.VirtualMachine) {
	for i, d := range vm.Config.Hardware.Device {
		c := reflect.New(reflect.TypeOf(d).Elem())
		c.Elem().Set(reflect.ValueOf(d).Elem())
		vm.Config.Hardware.Device[i] = c.Interface().(types.BaseVirtualDevice)
		if k, ok := c.Interface().(types.BaseVirtualController); ok {
			k.GetVirtualController().Device = nil
		}
	}
}
