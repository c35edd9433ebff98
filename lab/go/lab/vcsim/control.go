package vcsim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// control is the lab's own port: what a test does to the world behind the API's back.
func (l *lab) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { reply(w, "ok") })
	mux.HandleFunc("GET /disks", func(w http.ResponseWriter, _ *http.Request) { reply(w, l.list()) })
	mux.HandleFunc("POST /sessions/expire", func(w http.ResponseWriter, _ *http.Request) { reply(w, l.expire()) })
	mux.HandleFunc("POST /cbt/reset", l.withVM(func(vm *simulator.VirtualMachine) any { return l.resetCBT(vm.Self.Value) }))
	mux.HandleFunc("POST /cbt/lie", l.withQuery(func(vm *simulator.VirtualMachine, q url.Values) any { return l.addLie(vm.Self.Value, q) }))
	mux.HandleFunc("DELETE /cbt/lie", l.withVM(func(vm *simulator.VirtualMachine) any { return l.endLies(vm.Self.Value) }))
	mux.HandleFunc("POST /relocate", l.withQuery(func(vm *simulator.VirtualMachine, q url.Values) any { return l.relocate(vm, q.Get("datastore")) }))
	mux.HandleFunc("POST /resize", l.withQuery(func(vm *simulator.VirtualMachine, q url.Values) any { return l.resize(vm, q.Get("bytes")) }))
	mux.HandleFunc("POST /snapshot", l.withQuery(func(vm *simulator.VirtualMachine, q url.Values) any { return l.snapshotBehind(vm, q.Get("name")) }))
	mux.HandleFunc("POST /revert", l.withQuery(func(vm *simulator.VirtualMachine, q url.Values) any { return l.revert(vm, q.Get("snapshot")) }))
	mux.HandleFunc("POST /power/off", l.withVM(l.guestIsOff))
	mux.HandleFunc("POST /power/on", l.withVM(l.powerOnBehind))
	mux.HandleFunc("POST /guest/tools", l.withVM(l.toolsRun))
	mux.HandleFunc("POST /guest/deaf", l.withVM(func(vm *simulator.VirtualMachine) any { l.deaf.Store(vm.Self.Value, true); return "deaf" }))
	mux.HandleFunc("DELETE /guest/deaf", l.withVM(func(vm *simulator.VirtualMachine) any { l.deaf.Delete(vm.Self.Value); return "hears" }))
	mux.HandleFunc("POST /faults", func(w http.ResponseWriter, r *http.Request) {
		var x rule
		if body(w, r, &x) {
			if err := l.addRule(x); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
			}
		}
	})
	mux.HandleFunc("DELETE /faults", func(http.ResponseWriter, *http.Request) {
		l.svc.ClearFaultRules()
		l.mu.Lock()
		l.rules = nil
		l.mu.Unlock()
	})
	mux.HandleFunc("POST /delays", l.setDelays)
	mux.HandleFunc("POST /latency", l.handleLatency)
	mux.HandleFunc("DELETE /latency", l.handleLatency)
	mux.HandleFunc("POST /roles", l.handleRoles)
	mux.HandleFunc("DELETE /roles", l.handleRoles)
	mux.HandleFunc("GET /exports", l.exports.handleList)
	mux.HandleFunc("POST /exports/expire", l.exports.handleExpire)
	mux.HandleFunc("POST /exports/timeout", l.exports.handleTimeout)
	return mux
}

func reply(w http.ResponseWriter, v any) { _ = json.NewEncoder(w).Encode(v) }

func body(w http.ResponseWriter, r *http.Request, v any) bool {
	err := json.NewDecoder(r.Body).Decode(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
	return err == nil
}

func (l *lab) withVM(f func(*simulator.VirtualMachine) any) http.HandlerFunc {
	return l.withQuery(func(vm *simulator.VirtualMachine, _ url.Values) any { return f(vm) })
}

// withQuery answers with what f gives; an error is one of the caller.
func (l *lab) withQuery(f func(*simulator.VirtualMachine, url.Values) any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		vm, ok := l.entity("VirtualMachine", r.URL.Query().Get("vm")).(*simulator.VirtualMachine)
		if !ok {
			http.Error(w, "no such VM", http.StatusNotFound)
			return
		}
		answer := f(vm, r.URL.Query())
		if err, bad := answer.(error); bad {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		reply(w, answer)
	}
}

// slowable are the names of tasks that a delay is for; CreateSnapshotEx is the part of a snapshot for which the guest is stunned.
var slowable = []string{"CreateSnapshot_Task", "CreateSnapshotEx_Task", "CreateSnapshotEx", "RemoveSnapshot_Task", "RemoveAllSnapshots_Task",
	"ConsolidateDisks_Task", "RevertToSnapshot_Task", "RevertToCurrentSnapshot_Task"}

// setDelays takes {"Method": ms}; with ?tasks the names of tasks.
func (l *lab) setDelays(w http.ResponseWriter, r *http.Request) {
	var ms map[string]int
	if !body(w, r, &ms) {
		return
	}
	tasks := r.URL.Query().Has("tasks")
	all := map[string]time.Duration{}
	for k, v := range ms {
		if tasks && !slices.Contains(slowable, k) {
			http.Error(w, fmt.Sprintf("no delay for %s, only for %s", k, strings.Join(slowable, ", ")), http.StatusBadRequest)
			return
		}
		all[k] = time.Duration(v) * time.Millisecond
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if tasks {
		l.slow = all
	} else {
		l.delay = all
	}
}

// guestIsOff: a guest powered itself off, or its process ended. vSphere sees it.
func (l *lab) guestIsOff(vm *simulator.VirtualMachine) any {
	ctx := l.own()
	if vm.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOff {
		return "already"
	}
	state := types.VirtualMachinePowerStatePoweredOff
	ctx.Map.AtomicUpdate(ctx, vm, []types.PropertyChange{
		{Name: "runtime.powerState", Val: state},
		{Name: "summary.runtime.powerState", Val: state},
		{Name: "guest.toolsRunningStatus", Val: string(types.VirtualMachineToolsRunningStatusGuestToolsNotRunning)},
	})
	return "off"
}

// toolsRun: the guest is up, and its VMware Tools report.
func (l *lab) toolsRun(vm *simulator.VirtualMachine) any {
	ctx := l.own()
	running := string(types.VirtualMachineToolsRunningStatusGuestToolsRunning)
	ctx.Map.AtomicUpdate(ctx, vm, []types.PropertyChange{{Name: "guest.toolsRunningStatus", Val: running}})
	return running
}
