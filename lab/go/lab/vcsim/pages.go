package vcsim

import (
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// labCollector pages for real: vcsim copies all objects (by way of XML) before it cuts off the first page.
type labCollector struct{ *simulator.PropertyCollector }

type rest struct {
	refs  []ref
	props []types.PropertySpec
	max   int
}

var (
	tokens sync.Map
	serial atomic.Int64
)

func (p *labCollector) RetrievePropertiesEx(ctx *simulator.Context, r *types.RetrievePropertiesEx) soap.HasFault {
	if r.Options.MaxObjects <= 0 || len(r.SpecSet) != 1 {
		return p.PropertyCollector.RetrievePropertiesEx(ctx, r)
	}
	names := types.RetrievePropertiesEx{This: r.This, SpecSet: []types.PropertyFilterSpec{r.SpecSet[0]}}
	names.SpecSet[0].PropSet = nil
	for _, s := range r.SpecSet[0].PropSet {
		names.SpecSet[0].PropSet = append(names.SpecSet[0].PropSet, types.PropertySpec{Type: s.Type, PathSet: []string{}})
	}
	all := p.PropertyCollector.RetrievePropertiesEx(ctx, &names)
	if all.Fault() != nil {
		return all
	}
	x := &rest{props: r.SpecSet[0].PropSet, max: int(r.Options.MaxObjects)}
	for _, o := range all.(*methods.RetrievePropertiesExBody).Res.Returnval.Objects {
		x.refs = append(x.refs, o.Obj)
	}
	return p.page(ctx, x)
}

func (p *labCollector) page(ctx *simulator.Context, x *rest) *methods.RetrievePropertiesExBody {
	n := min(x.max, len(x.refs))
	spec := types.PropertyFilterSpec{PropSet: x.props, ReportMissingObjectsInResults: types.NewBool(true)}
	for _, o := range x.refs[:n] {
		spec.ObjectSet = append(spec.ObjectSet, types.ObjectSpec{Obj: o})
	}
	body := p.PropertyCollector.RetrievePropertiesEx(ctx, &types.RetrievePropertiesEx{SpecSet: []types.PropertyFilterSpec{spec}}).(*methods.RetrievePropertiesExBody)
	if body.Res != nil && n < len(x.refs) {
		body.Res.Returnval.Token = strconv.FormatInt(serial.Add(1), 10)
		tokens.Store(ctx.Session.Key+body.Res.Returnval.Token, &rest{x.refs[n:], x.props, x.max})
	}
	return body
}

func (p *labCollector) ContinueRetrievePropertiesEx(ctx *simulator.Context, r *types.ContinueRetrievePropertiesEx) soap.HasFault {
	body := new(methods.ContinueRetrievePropertiesExBody)
	x, ok := tokens.LoadAndDelete(ctx.Session.Key + r.Token)
	if !ok {
		body.Fault_ = simulator.Fault("", &types.InvalidArgument{InvalidProperty: "token"})
		return body
	}
	res := p.page(ctx, x.(*rest))
	if body.Fault_ = res.Fault_; res.Res != nil {
		body.Res = &types.ContinueRetrievePropertiesExResponse{Returnval: *res.Res.Returnval}
	}
	return body
}

func (p *labCollector) CancelRetrievePropertiesEx(ctx *simulator.Context, r *types.CancelRetrievePropertiesEx) soap.HasFault {
	tokens.Delete(ctx.Session.Key + r.Token)
	return &methods.CancelRetrievePropertiesExBody{Res: new(types.CancelRetrievePropertiesExResponse)}
}
