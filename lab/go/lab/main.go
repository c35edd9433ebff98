// lab: every Go program that the lab runs, in one binary: `lab NAME ARGS...`.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/nats-io/nats-server/v2/server"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	kcm "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"

	"tranship.dev/lab/vcsim"
)

func main() {
	if len(os.Args) < 2 {
		fail("usage: lab etcd|apiserver|controller-manager|scheduler|kubelet|proxy|kubectl|nats|vcsim ARGS...")
	}
	name := os.Args[1]
	os.Args = append([]string{name}, os.Args[2:]...)
	switch name {
	case "apiserver":
		os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
	case "controller-manager":
		os.Exit(cli.Run(kcm.NewControllerManagerCommand()))
	case "scheduler":
		os.Exit(cli.Run(scheduler.NewSchedulerCommand()))
	case "kubelet":
		os.Exit(cli.Run(kubelet.NewKubeletCommand(context.Background())))
	case "proxy":
		os.Exit(cli.Run(proxy.NewProxyCommand()))
	case "kubectl":
		if err := kubectl.NewDefaultKubectlCommand().Execute(); err != nil {
			os.Exit(1)
		}
	case "etcd":
		etcdmain.Main(os.Args)
	case "nats":
		nats()
	case "vcsim":
		if err := vcsim.Main(os.Args[1:]); err != nil {
			fail("vcsim: %v", err)
		}
	default:
		fail("lab: no program %q", name)
	}
}

func nats() {
	flags := flag.NewFlagSet("nats", flag.ExitOnError)
	options, err := server.ConfigureOptions(flags, os.Args[1:], server.PrintServerAndExit, flags.Usage, server.PrintTLSHelpAndDie)
	if err != nil {
		fail("nats: %v", err)
	}
	s, err := server.NewServer(options)
	if err != nil {
		fail("nats: %v", err)
	}
	s.ConfigureLogger()
	if err := server.Run(s); err != nil {
		fail("nats: %v", err)
	}
	s.WaitForShutdown()
}

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(2)
}
