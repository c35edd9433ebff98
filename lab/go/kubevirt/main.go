// kv: KubeVirt's pure Go parts in one binary, by subcommand or by the name it is called with, and `kv manifests`: what
// virt-operator would create, printed by KubeVirt's own constructors.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"kubevirt.io/client-go/log"
	"kubevirt.io/kubevirt/pkg/service"
	virt_api "kubevirt.io/kubevirt/pkg/virt-api"
	"kubevirt.io/kubevirt/pkg/virt-controller/watch"
)

func main() {
	name := filepath.Base(os.Args[0])
	if !strings.HasPrefix(name, "virt-") && len(os.Args) > 1 {
		name = os.Args[1]
		os.Args = append([]string{name}, os.Args[2:]...)
	}
	switch name {
	case "virt-api":
		app := virt_api.NewVirtApi()
		service.Setup(app)
		log.InitializeLogging("virt-api")
		app.Execute()
	case "virt-controller":
		watch.Execute()
	case "manifests":
		if err := manifests(); err != nil {
			fmt.Fprintln(os.Stderr, "kv manifests:", err)
			os.Exit(1)
		}
	default:
		fmt.Fprintln(os.Stderr, "usage: kv virt-api|virt-controller|manifests ARGS...")
		os.Exit(2)
	}
}
