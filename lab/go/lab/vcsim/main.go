// Package vcsim is govmomi's vCenter simulator with what a migration needs besides: change tracking, bytes frozen at
// each snapshot, session rules, faults and delays, worlds from a file, and the door through which the lab's vddk plugin
// reads disks.
package vcsim

import (
	"crypto/sha1"
	"crypto/tls"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

type lab struct {
	mu       sync.Mutex
	svc      *simulator.Service
	cbt      map[diskKey]*track
	lies     map[string][]lie // by VM
	delay    map[string]time.Duration
	slow     map[string]time.Duration // tasks
	latency  map[string]int64         // of datastores, ms
	roles    map[ref][]string         // privileges, by entity
	rules    []*taskRule
	waiting  sync.Map
	deaf     sync.Map // VMs whose guests ignore a shutdown
	hook     string
	maxAreas int
	shutdown time.Duration
	doors    *doors
	exports  *exports
}

type options struct {
	listen, control, world, dir, credentials, cert, key, hook string
	idle, shutdown                                            time.Duration
	maxAreas                                                  int
}

func parse(args []string) (o options, err error) {
	f := flag.NewFlagSet("vcsim", flag.ContinueOnError)
	f.StringVar(&o.listen, "listen", "127.0.0.1:8989", "address of the SDK (TLS)")
	f.StringVar(&o.control, "control", "127.0.0.1:8990", "address of the control port (plain)")
	f.StringVar(&o.world, "world", "", "JSON file of the world")
	f.StringVar(&o.dir, "dir", "", "folder of the datastores")
	f.StringVar(&o.credentials, "credentials", "", "file with user:password")
	f.StringVar(&o.cert, "tls-cert", "", "certificate (PEM)")
	f.StringVar(&o.key, "tls-key", "", "its key (PEM)")
	f.StringVar(&o.hook, "hook", "", "URL that is told about power and stuns, and answers when the guest has followed")
	f.DurationVar(&o.idle, "idle", 30*time.Minute, "session idle time-out")
	f.DurationVar(&o.shutdown, "shutdown", time.Second, "time that ShutdownGuest takes without a hook")
	f.IntVar(&o.maxAreas, "max-areas", 2000, "areas in one answer of QueryChangedDiskAreas")
	return o, f.Parse(args)
}

// Main runs the simulator until it is told to end.
func Main(args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	user, pass, err := credentials(o.credentials)
	if err != nil {
		return err
	}
	w, err := readWorld(o.world)
	if err != nil {
		return err
	}
	l := &lab{cbt: map[diskKey]*track{}, lies: map[string][]lie{}, delay: map[string]time.Duration{}, latency: map[string]int64{}, roles: map[ref][]string{}, hook: o.hook, maxAreas: o.maxAreas, shutdown: o.shutdown}
	m := w.model()
	if err := m.Create(); err != nil {
		return err
	}
	defer m.Remove()
	l.svc = m.Service
	registry := m.Map()
	settings := registry.OptionManager()
	settings.Setting = append(settings.Setting, &types.OptionValue{Key: "config.vmacore.soap.sessionTimeout", Value: o.idle.String()})
	registry.Handler = l.handle
	registry.AddHandler(watcher{l})

	m.Service.Listen = &url.URL{Host: o.listen, User: url.UserPassword(user, pass)}
	m.Service.TLS = new(tls.Config)
	thumbprint := ""
	if o.cert != "" {
		pair, err := tls.LoadX509KeyPair(o.cert, o.key)
		if err != nil {
			return err
		}
		m.Service.TLS.Certificates = []tls.Certificate{pair}
		thumbprint = strings.ReplaceAll(fmt.Sprintf("% X", sha1.Sum(pair.Certificate[0])), " ", ":")
	}
	l.doors = newDoors(l, user, pass, w.HandlesPerHost)
	mux := http.NewServeMux()
	l.doors.register(mux)
	l.exports = newExports(l, o.listen, thumbprint)
	l.exports.register(mux)
	m.Service.ServeMux = mux
	m.Service.RegisterEndpoints = true
	if err := l.build(w, o.dir); err != nil {
		return err
	}
	s := m.Service.NewServer()
	defer s.Close()
	control, err := net.Listen("tcp", o.control)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: l.control(), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(control) }()
	defer server.Close()
	fmt.Printf("ready %s\n", s.URL.Host)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	<-stop
	return nil
}

func credentials(file string) (user, pass string, err error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return "", "", fmt.Errorf("--credentials: %w", err)
	}
	user, pass, ok := strings.Cut(strings.TrimSpace(string(b)), ":")
	if !ok {
		return "", "", fmt.Errorf("--credentials: %s holds no user:password", file)
	}
	return user, pass, nil
}
