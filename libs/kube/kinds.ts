/** The kinds that we touch: where each lives in the API. */
export const kinds = {
  Namespace: { api: 'api/v1', plural: 'namespaces', namespaced: false },
  Node: { api: 'api/v1', plural: 'nodes', namespaced: false },
  PersistentVolume: { api: 'api/v1', plural: 'persistentvolumes', namespaced: false },
  PersistentVolumeClaim: { api: 'api/v1', plural: 'persistentvolumeclaims', namespaced: true },
  Pod: { api: 'api/v1', plural: 'pods', namespaced: true },
  Secret: { api: 'api/v1', plural: 'secrets', namespaced: true },
  Event: { api: 'api/v1', plural: 'events', namespaced: true },
  Job: { api: 'apis/batch/v1', plural: 'jobs', namespaced: true },
  StorageClass: { api: 'apis/storage.k8s.io/v1', plural: 'storageclasses', namespaced: false },
  NetworkAttachmentDefinition: {
    api: 'apis/k8s.cni.cncf.io/v1',
    plural: 'network-attachment-definitions',
    namespaced: true,
  },
  VirtualMachine: { api: 'apis/kubevirt.io/v1', plural: 'virtualmachines', namespaced: true },
  VirtualMachineInstance: { api: 'apis/kubevirt.io/v1', plural: 'virtualmachineinstances', namespaced: true },
} as const;

export type Kind = keyof typeof kinds;

/** An object as the API gives it; what we do not name is kept open. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    uid?: string;
    resourceVersion?: string;
    deletionTimestamp?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    ownerReferences?: { uid: string }[];
  };
  // biome-ignore lint/suspicious/noExplicitAny: the schema is the API server's
  [field: string]: any;
}

export function path(kind: Kind, namespace?: string, name?: string): string {
  const { api, plural, namespaced } = kinds[kind];
  const parts = [api, ...(namespaced && namespace !== undefined ? ['namespaces', namespace] : []), plural];
  if (name !== undefined) parts.push(name);
  return `/${parts.map((part) => (part === api ? part : encodeURIComponent(part))).join('/')}`;
}
