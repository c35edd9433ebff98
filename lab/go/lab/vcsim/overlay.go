package vcsim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// overlay sets properties of what lies at an inventory path.
func (l *lab) overlay(path string, set json.RawMessage) error {
	ctx := l.own()
	index := ctx.Map.Get(*ctx.Map.Get(simulatorRoot).(*simulator.ServiceInstance).Content.SearchIndex).(*simulator.SearchIndex)
	found := index.FindByInventoryPath(ctx, &types.FindByInventoryPath{InventoryPath: path}).(*methods.FindByInventoryPathBody).Res.Returnval
	if found == nil {
		return errors.New("there is no such object")
	}
	return lay(ctx.Map.Get(*found), set)
}

var simulatorRoot = ref{Type: "ServiceInstance", Value: "ServiceInstance"}

// lay decodes properties over an object, as they are written.
func lay(object mo.Reference, set json.RawMessage) error {
	if len(set) == 0 {
		return nil
	}
	onto := func(o any) error {
		if err := known(o, set); err != nil {
			return err
		}
		return types.NewJSONDecoder(bytes.NewReader(set)).Decode(o)
	}
	switch o := object.(type) {
	case *simulator.VirtualMachine:
		// Lists out of the way: the decoder would fill the old elements, which all VMs share.
		h := &o.Config.Hardware
		devices, extra := h.Device, o.Config.ExtraConfig
		h.Device, o.Config.ExtraConfig = nil, nil
		err := onto(&o.VirtualMachine)
		if h.Device == nil {
			h.Device = devices
		}
		if o.Config.ExtraConfig == nil {
			o.Config.ExtraConfig = extra
		}
		return err
	case *simulator.HostSystem:
		return onto(&o.HostSystem)
	case *simulator.ClusterComputeResource:
		return onto(&o.ClusterComputeResource)
	case *simulator.Datastore:
		return onto(&o.Datastore)
	case *simulator.DistributedVirtualPortgroup:
		return onto(&o.DistributedVirtualPortgroup)
	case *mo.Network:
		return onto(o)
	}
	return fmt.Errorf("%T takes no overlay", object)
}

// known refuses a property that the object has not: the decoder, which knows of types within, would leave it out without a word.
func known(object any, set json.RawMessage) error {
	var given map[string]json.RawMessage
	if err := json.Unmarshal(set, &given); err != nil {
		return err
	}
	for _, f := range reflect.VisibleFields(reflect.TypeOf(object).Elem()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		delete(given, name)
	}
	for name := range given {
		return fmt.Errorf("%T has no property %s", object, name)
	}
	return nil
}
