package vcsim

import (
	"net/http"
	"slices"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// role is what the user may do at an entity and below it; as in vCenter the nearest one counts alone.
type role struct {
	Type, Name string
	Privileges []string
}

// labAuthorization answers by roles; vcsim grants everything to everybody, and so do we where no role is given.
type labAuthorization struct {
	*simulator.AuthorizationManager
	l *lab
}

func (m *labAuthorization) HasPrivilegeOnEntities(ctx *simulator.Context, req *types.HasPrivilegeOnEntities) soap.HasFault {
	body := &methods.HasPrivilegeOnEntitiesBody{}
	if ctx.Session == nil || req.SessionId != ctx.Session.Key {
		body.Fault_ = simulator.Fault("", &types.NotFound{})
		return body
	}
	body.Res = &types.HasPrivilegeOnEntitiesResponse{}
	for _, entity := range req.Entity {
		may := m.l.roleAt(ctx, entity)
		if !may("System.View") {
			return &methods.HasPrivilegeOnEntitiesBody{Fault_: simulator.Fault("", &types.NoPermission{Object: &entity, PrivilegeId: "System.View"})}
		}
		answer := types.EntityPrivilege{Entity: entity}
		for _, id := range req.PrivId {
			answer.PrivAvailability = append(answer.PrivAvailability, types.PrivilegeAvailability{PrivId: id, IsGranted: may(id)})
		}
		body.Res.Returnval = append(body.Res.Returnval, answer)
	}
	return body
}

func (l *lab) roleAt(ctx *simulator.Context, at ref) func(string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for next := &at; next != nil; {
		if privileges, ok := l.roles[*next]; ok {
			return func(id string) bool { return slices.Contains(privileges, id) }
		}
		e, ok := ctx.Map.Get(*next).(mo.Entity)
		if !ok {
			break
		}
		next = e.Entity().Parent
	}
	return func(string) bool { return true }
}

// handleRoles gives a role (POST), or takes all of them away (DELETE).
func (l *lab) handleRoles(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodDelete {
		l.mu.Lock()
		defer l.mu.Unlock()
		clear(l.roles)
		return
	}
	var x role
	if !body(w, r, &x) {
		return
	}
	e := l.entity(x.Type, x.Name)
	if e == nil {
		http.Error(w, "no such entity", http.StatusNotFound)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.roles[e.Reference()] = x.Privileges
}
