package main

import (
	"crypto/tls"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"time"

	admv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"kubevirt.io/kubevirt/pkg/virt-operator/resource/generate/components"
	"kubevirt.io/kubevirt/pkg/virt-operator/resource/generate/rbac"
)

type options struct{ namespace, image, hostDir, out string }

// manifests writes three lists: crds.json, objects.json, hooks.json.
func manifests() error {
	o := options{}
	flag.StringVar(&o.namespace, "namespace", "kubevirt", "")
	flag.StringVar(&o.image, "image", "lab.local/kubevirt:1", "the image of all four components")
	flag.StringVar(&o.hostDir, "host-dir", "", "prefix of virt-handler's host paths other than the kubelet's")
	flag.StringVar(&o.out, "out", ".", "folder to write to")
	flag.Parse()
	crds, err := definitions()
	if err != nil {
		return err
	}
	objects, ca, err := certificates(o.namespace)
	if err != nil {
		return err
	}
	for _, list := range [][]any{anys(rbac.GetAllCluster()), anys(rbac.GetAllApiServer(o.namespace)), anys(rbac.GetAllController(o.namespace)), anys(rbac.GetAllHandler(o.namespace))} {
		objects = append(objects, list...)
	}
	objects = append(objects, components.NewApiServerService(o.namespace), components.NewPrometheusService(o.namespace))
	objects = append(objects, workloads(o)...)
	for name, items := range map[string][]any{"crds": crds, "objects": objects, "hooks": hooks(o.namespace, []byte(ca))} {
		b, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": items})
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(o.out, name+".json"), b, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func definitions() (crds []any, err error) {
	for _, f := range []func() (*extv1.CustomResourceDefinition, error){
		components.NewVirtualMachineInstanceCrd, components.NewVirtualMachineCrd, components.NewPresetCrd, components.NewReplicaSetCrd,
		components.NewVirtualMachineInstanceMigrationCrd, components.NewKubeVirtCrd, components.NewVirtualMachinePoolCrd,
		components.NewVirtualMachineSnapshotCrd, components.NewVirtualMachineSnapshotContentCrd, components.NewVirtualMachineRestoreCrd,
		components.NewVirtualMachineExportCrd, components.NewVirtualMachineInstancetypeCrd, components.NewVirtualMachineClusterInstancetypeCrd,
		components.NewVirtualMachinePreferenceCrd, components.NewVirtualMachineClusterPreferenceCrd, components.NewMigrationPolicyCrd,
		components.NewVirtualMachineCloneCrd,
	} {
		c, err := f()
		if err != nil {
			return nil, err
		}
		c.Kind, c.APIVersion = "CustomResourceDefinition", "apiextensions.k8s.io/v1"
		crds = append(crds, c)
	}
	return crds, nil
}

// certificates are the secrets and config maps that virt-operator would rotate, and the CA bundle.
func certificates(ns string) (objects []any, bundle string, err error) {
	year := &metav1.Duration{Duration: 365 * 24 * time.Hour}
	cas := map[string]*tls.Certificate{}
	for _, s := range components.NewCACertSecrets(ns) {
		if err := components.PopulateSecretWithCertificate(s, nil, year); err != nil {
			return nil, "", err
		}
		if cas[s.Name], err = components.LoadCertificates(s); err != nil {
			return nil, "", err
		}
		objects = append(objects, s)
		for _, c := range components.NewCAConfigMaps(ns) {
			if c.Name == s.Name {
				c.Data = map[string]string{components.CABundleKey: string(s.Data["tls.crt"])}
				objects = append(objects, c)
				if c.Name == components.KubeVirtCASecretName {
					bundle = c.Data[components.CABundleKey]
				}
			}
		}
	}
	for _, s := range components.NewCertSecrets(ns, ns) {
		if err := components.PopulateSecretWithCertificate(s, cas[components.KubeVirtCASecretName], year); err != nil {
			return nil, "", err
		}
		objects = append(objects, s)
	}
	return objects, bundle, nil
}

func hooks(ns string, ca []byte) (res []any) {
	m, v := components.NewVirtAPIMutatingWebhookConfiguration(ns), components.NewVirtAPIValidatingWebhookConfiguration(ns)
	m.Kind, v.Kind = "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"
	m.APIVersion, v.APIVersion = "admissionregistration.k8s.io/v1", "admissionregistration.k8s.io/v1"
	none := admv1.SideEffectClassNone
	complete := func(c *admv1.WebhookClientConfig, se **admv1.SideEffectClass, versions *[]string) {
		c.CABundle = ca
		if *se == nil {
			*se = &none
		}
		if len(*versions) == 0 {
			*versions = []string{"v1"}
		}
	}
	for i := range m.Webhooks {
		w := &m.Webhooks[i]
		complete(&w.ClientConfig, &w.SideEffects, &w.AdmissionReviewVersions)
	}
	for i := range v.Webhooks {
		w := &v.Webhooks[i]
		complete(&w.ClientConfig, &w.SideEffects, &w.AdmissionReviewVersions)
	}
	res = append(res, m, v)
	for _, a := range components.NewVirtAPIAPIServices(ns) {
		a.Kind, a.APIVersion = "APIService", "apiregistration.k8s.io/v1"
		a.Spec.CABundle = ca
		res = append(res, a)
	}
	return res
}

// workloads are virt-api, virt-controller and virt-handler, with one replica, quick probes and the lab's image.
func workloads(o options) []any {
	never, one, uid := corev1.PullNever, int32(1), int64(1001)
	api := components.NewApiServerDeployment(o.namespace, "", "", "", "", "", "", o.image, never, nil, "2", nil)
	controller := components.NewControllerDeployment(o.namespace, "", "", "", "", "", "", "", "", "", o.image, o.image, o.image, o.image, never, nil, "2", nil)
	handler := components.NewHandlerDaemonSet(o.namespace, "", "", "", "", "", "", "", "", "", o.image, o.image, o.image, o.image, never, nil, nil, "2", nil, false)
	for _, d := range []*appsv1.Deployment{api, controller} {
		d.Spec.Replicas = &one
		d.Spec.Template.Spec.SecurityContext.RunAsUser = &uid
	}
	for _, t := range []*corev1.PodTemplateSpec{&api.Spec.Template, &controller.Spec.Template, &handler.Spec.Template} {
		t.Spec.PriorityClassName = "system-node-critical"
		for i := range t.Spec.InitContainers {
			t.Spec.InitContainers[i].ImagePullPolicy = never
		}
		for i := range t.Spec.Containers {
			if p := t.Spec.Containers[i].ReadinessProbe; p != nil {
				p.InitialDelaySeconds, p.PeriodSeconds = 1, 2
			}
		}
	}
	for i := range handler.Spec.Template.Spec.Volumes {
		h := handler.Spec.Template.Spec.Volumes[i].HostPath
		if h != nil && !strings.HasPrefix(h.Path, "/var/lib/kubelet") {
			create := corev1.HostPathDirectoryOrCreate
			h.Path, h.Type = o.hostDir+h.Path, &create
		}
	}
	return []any{api, controller, handler}
}

func anys[T any](l []T) (r []any) {
	for _, x := range l {
		r = append(r, x)
	}
	return
}
