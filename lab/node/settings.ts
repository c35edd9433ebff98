/** What the machine's side tells the supervisor inside the namespaces: `settings.json` in the state folder. */
export interface Settings {
  readonly dir: string;
  readonly address: string;
  /** Folder with `lab` and `multus`. */
  readonly bin: string;
  /** Folder with `kv`. */
  readonly kubevirtBin: string;
  /** OCI archives that the node's containerd holds. */
  readonly images: readonly string[];
  /** The world file. */
  readonly world: string;
  readonly repository: string;
  /** Without a cluster: vSphere and NATS alone. */
  readonly cluster: boolean;
}
