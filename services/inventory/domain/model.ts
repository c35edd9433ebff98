import type {
  InventoryKind,
  Ref,
  SourceDatastore,
  SourceFolder,
  SourceHost,
  SourceNetwork,
  SourceVm,
} from '@tranship/contracts';
import { number, object, refId, text, truth, type Vim } from './vim.ts';
import { type Place, toSourceVm, vmProperties } from './vm.ts';

export interface Update {
  readonly kind: 'enter' | 'modify' | 'leave';
  readonly ref: { readonly type: string; readonly value: string };
  readonly properties: Vim;
}

const network = ['name', 'parent'];

/** What is followed: type -> properties. */
export const followed: Readonly<Record<string, readonly string[]>> = {
  Folder: ['name', 'parent', 'childType'],
  Datacenter: ['name', 'parent'],
  Network: network,
  DistributedVirtualPortgroup: [...network, 'key'],
  OpaqueNetwork: network,
  Datastore: ['name', 'parent', 'summary'],
  HostSystem: ['name', 'parent', 'runtime.connectionState', 'runtime.inMaintenanceMode'],
  VirtualMachine: vmProperties,
};

/** What a folder is for, by the types that vSphere lets into it. */
const holding: readonly (readonly [string, SourceFolder['holds']])[] = [
  ['Datacenter', 'datacenters'],
  ['VirtualMachine', 'vms'],
  ['ComputeResource', 'hosts'],
  ['Network', 'networks'],
  ['Datastore', 'datastores'],
];

const networkTypes = new Set(['Network', 'DistributedVirtualPortgroup', 'OpaqueNetwork']);

/** The live model of one vCenter: raw properties by object, made into records when they are asked for. */
export class Model implements Place {
  readonly #objects = new Map<string, { type: string; properties: Record<string, unknown> }>();

  apply(updates: readonly Update[]): void {
    for (const { kind, ref, properties } of updates) {
      if (kind === 'leave') this.#objects.delete(ref.value);
      else
        this.#objects.set(ref.value, {
          type: ref.type,
          properties: { ...this.#objects.get(ref.value)?.properties, ...properties },
        });
    }
  }

  records(kind: InventoryKind): (SourceVm | SourceHost | SourceNetwork | SourceDatastore | SourceFolder)[] {
    return {
      vms: () => this.vms(),
      hosts: () => this.hosts(),
      networks: () => this.#networks(),
      datastores: () => this.#datastores(),
      folders: () => this.#folders(),
    }[kind]();
  }

  vms(): SourceVm[] {
    return this.#of((type) => type === 'VirtualMachine')
      .flatMap(([id, p]) => toSourceVm(id, p, this) ?? [])
      .sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  host(id: string): string | undefined {
    return this.#name(id);
  }

  network(id: string): string | undefined {
    return this.#name(id);
  }

  datastore(id: string): string | undefined {
    return this.#name(id);
  }

  portgroup(key: string): Ref | undefined {
    const found = this.#of((type) => type === 'DistributedVirtualPortgroup').find(
      ([id, p]) => p.key === key || id === key,
    );
    return found && { id: found[0], name: text(found[1].name) ?? found[0] };
  }

  path(folder: string | undefined): string {
    const parts: string[] = [];
    let at = folder;
    for (let depth = 0; at !== undefined && depth < 64; depth++) {
      const object = this.#objects.get(at);
      const parent = refId(object?.properties.parent);
      // The root folder is no part of a path.
      if (parent !== undefined) parts.unshift(text(object?.properties.name) ?? at);
      at = parent;
    }
    return parts.length === 0 ? '' : `/${parts.join('/')}`;
  }

  hosts(): SourceHost[] {
    return this.#of((type) => type === 'HostSystem').map(([id, p]) => ({
      ...this.#placed(id, p),
      connectionState: text(p['runtime.connectionState']) ?? 'unknown',
      maintenance: truth(p['runtime.inMaintenanceMode']),
    }));
  }

  #networks(): SourceNetwork[] {
    return this.#of((type) => networkTypes.has(type)).map(([id, p, type]) => ({
      ...this.#placed(id, p),
      type: type === 'DistributedVirtualPortgroup' ? 'dvportgroup' : type === 'OpaqueNetwork' ? 'opaque' : 'network',
    }));
  }

  #datastores(): SourceDatastore[] {
    return this.#of((type) => type === 'Datastore').map(([id, p]) => {
      const summary = object(p.summary) ?? {};
      return {
        ...this.#placed(id, p),
        type: text(summary.type) ?? '',
        capacityBytes: number(summary.capacity) ?? 0,
        freeBytes: number(summary.freeSpace) ?? 0,
        accessible: truth(summary.accessible),
      };
    });
  }

  /** By path, without the root. */
  #folders(): SourceFolder[] {
    const inside = new Map<string, number>();
    for (const [, { parent }] of this.#of((type) => type === 'VirtualMachine')) {
      const folder = refId(parent) ?? '';
      inside.set(folder, (inside.get(folder) ?? 0) + 1);
    }
    return this.#of((type) => type === 'Folder' || type === 'Datacenter')
      .filter(([, { parent }]) => parent !== undefined)
      .map(([id, p, type]): SourceFolder => {
        const may = Array.isArray(p.childType) ? p.childType : [p.childType];
        const holds = holding.find(([each]) => may.includes(each))?.[1];
        const kind = type === 'Datacenter' ? 'datacenter' : 'folder';
        return { ...this.#placed(id, p), type: kind, ...(holds ? { holds } : {}), vms: inside.get(id) ?? 0 };
      })
      .sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  #placed(id: string, p: Vim) {
    const name = text(p.name) ?? id;
    return { id, name, path: `${this.path(refId(p.parent))}/${name}` };
  }

  #name(id: string): string | undefined {
    return text(this.#objects.get(id)?.properties.name);
  }

  #of(wanted: (type: string) => boolean): [string, Vim, string][] {
    return [...this.#objects].flatMap(([id, { type, properties }]): [string, Vim, string][] =>
      wanted(type) ? [[id, properties, type]] : [],
    );
  }
}
