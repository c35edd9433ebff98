package vcsim

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strconv"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// labPerformance tells how long datastores take as the control port has set it: vcsim's own figures know of no load.
type labPerformance struct {
	*simulator.PerformanceManager
	l *lab
}

// usualLatency is that of a datastore of which nobody says more, ms.
const usualLatency = 1

func (p *labPerformance) QueryPerf(ctx *simulator.Context, req *types.QueryPerf) soap.HasFault {
	res := p.PerformanceManager.QueryPerf(ctx, req)
	body, ok := res.(*methods.QueryPerfBody)
	if !ok || body.Res == nil {
		return res
	}
	for _, r := range body.Res.Returnval {
		if m, ok := r.(*types.PerfEntityMetric); ok {
			if host, ok := ctx.Map.Get(m.Entity).(*simulator.HostSystem); ok {
				m.Value = p.told(ctx, host, m.Value)
			}
		}
	}
	return res
}

// told: a host has figures of its own datastores alone, each by the last part of its URL.
func (p *labPerformance) told(ctx *simulator.Context, host *simulator.HostSystem, all []types.BasePerfMetricSeries) (res []types.BasePerfMetricSeries) {
	counters := p.latencyCounters()
	for _, each := range all {
		series, ok := each.(*types.PerfMetricIntSeries)
		if !ok || !counters[series.Id.CounterId] {
			res = append(res, each)
			continue
		}
		for _, d := range host.Datastore {
			if ds, ok := ctx.Map.Get(d).(*simulator.Datastore); ok && path.Base(ds.Summary.Url) == series.Id.Instance {
				for i := range series.Value {
					series.Value[i] = p.l.latencyOf(ds.Name)
				}
				res = append(res, series)
			}
		}
	}
	return
}

// latencyCounters are datastore.totalReadLatency.average and its like for writes.
func (p *labPerformance) latencyCounters() map[int32]bool {
	res := map[int32]bool{}
	for _, c := range p.PerfCounter {
		name := c.NameInfo.GetElementDescription().Key
		if c.GroupInfo.GetElementDescription().Key == "datastore" && (name == "totalReadLatency" || name == "totalWriteLatency") {
			res[c.Key] = true
		}
	}
	return res
}

func (l *lab) latencyOf(datastore string) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ms, ok := l.latency[datastore]; ok {
		return ms
	}
	return usualLatency
}

// setLatency takes the name of a datastore and ms.
func (l *lab) setLatency(q url.Values) error {
	ms, err := strconv.ParseInt(q.Get("ms"), 10, 64)
	if err != nil {
		return err
	}
	name := q.Get("datastore")
	if _, ok := l.entity("Datastore", name).(*simulator.Datastore); !ok || name == "" {
		return fmt.Errorf("no such datastore: %q", name)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.latency[name] = ms
	return nil
}

func (l *lab) handleLatency(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodDelete {
		l.mu.Lock()
		defer l.mu.Unlock()
		clear(l.latency)
		return
	}
	if err := l.setLatency(r.URL.Query()); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}
