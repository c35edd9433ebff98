/** The catalogue of errors: each code is declared once, with what it means, how to mend it, and whether trying again may help. */
interface Entry {
  readonly title: string;
  readonly fix: string;
  readonly retry: boolean;
  /** HTTP status at the gateway. */
  readonly status: number;
}

const catalogue = {
  'document.invalid': {
    title: 'The document is not valid',
    fix: 'Correct the field that is named',
    retry: false,
    status: 422,
  },
  'document.not-found': {
    title: 'No such object',
    fix: 'List what there is with `tranship get KIND`',
    retry: false,
    status: 404,
  },
  'document.conflict': {
    title: 'The object was changed by somebody else',
    fix: 'Read it again and repeat the change',
    retry: false,
    status: 409,
  },
  'access.denied': { title: 'Not allowed', fix: 'Use a token with the role that is named', retry: false, status: 403 },
  'access.unauthenticated': {
    title: 'No valid token',
    fix: 'Give a token by --token-file or TRANSHIP_TOKEN',
    retry: false,
    status: 401,
  },
  'plan.not-ready': {
    title: 'The plan has critical concerns',
    fix: 'Mend what `tranship validate` lists, or start with --ready-only',
    retry: false,
    status: 409,
  },
  'migration.active': {
    title: 'A migration of this plan is running',
    fix: 'Wait for it or cancel it',
    retry: false,
    status: 409,
  },
  'migration.state': {
    title: 'Not possible in the present state',
    fix: 'See `tranship timeline` for where it stands',
    retry: false,
    status: 409,
  },
  'vsphere.unreachable': {
    title: 'vCenter does not answer',
    fix: 'Check the URL, DNS and the firewall (TCP 443)',
    retry: true,
    status: 502,
  },
  'vsphere.certificate': {
    title: 'The certificate of vCenter is not trusted',
    fix: 'Compare it with `tranship provider fetch-ca NAME` and set spec.tls.ca or spec.tls.thumbprint',
    retry: false,
    status: 502,
  },
  'vsphere.login': {
    title: 'vCenter refuses the user name or password',
    fix: 'Store the right ones: `tranship provider create NAME --username U --password-stdin`',
    retry: false,
    status: 502,
  },
  'vsphere.session': {
    title: 'The vCenter session has ended',
    fix: 'Nothing to do: it is opened again',
    retry: true,
    status: 502,
  },
  'vsphere.fault': {
    title: 'vCenter reports a fault',
    fix: 'See the fault named in the detail',
    retry: true,
    status: 502,
  },
  'vsphere.not-found': {
    title: 'The object is not in vCenter',
    fix: 'Check the name with `tranship inventory vms`',
    retry: false,
    status: 404,
  },
  'source.shutdown-timeout': {
    title: 'The guest did not shut down in time',
    fix: 'Shut it down yourself and retry, raise shutdown.deadline, or set shutdown.then: powerOff',
    retry: false,
    status: 409,
  },
  'migration.group': {
    title: 'Another VM of the group could not be moved',
    fix: 'See what stopped it, then retry the whole group',
    retry: false,
    status: 409,
  },
  'source.changed': {
    title: 'The source VM was changed during the migration',
    fix: 'Undo the change that is named, or start the migration anew',
    retry: false,
    status: 409,
  },
  'cutover.over-budget': {
    title: 'The downtime would be longer than allowed',
    fix: 'Wait for a quieter hour, raise cutover.downtimeBudget, or `tranship cutover --force`',
    retry: false,
    status: 409,
  },
  'source.contested': {
    title: 'Somebody started the source VM',
    fix: 'Decide which side lives: power the source off and retry, or cancel',
    retry: false,
    status: 409,
  },
  'kube.unreachable': {
    title: 'The target cluster does not answer',
    fix: 'Check its kubeconfig and network',
    retry: true,
    status: 502,
  },
  'kube.rejected': {
    title: 'The target cluster refuses an object',
    fix: 'See the reason in the detail',
    retry: false,
    status: 422,
  },
  'kube.forbidden': {
    title: 'The target cluster denies a right',
    fix: "Grant the right that is named to Tranship's service account",
    retry: false,
    status: 502,
  },
  'kube.not-found': {
    title: 'The target cluster does not have it',
    fix: 'Check that KubeVirt, and the namespace and the kind that are named, are there',
    retry: false,
    status: 404,
  },
  'kube.conflict': {
    title: 'Somebody else changes the same object on the target cluster',
    fix: 'Nothing to do: it is tried again. When it stays, see who writes to the object named',
    retry: true,
    status: 409,
  },
  'target.pvc-unbound': {
    title: 'A volume was not provisioned in time',
    fix: 'See the events of the PVC named; check the storage class and its capacity',
    retry: false,
    status: 409,
  },
  'target.workbench': {
    title: 'The workbench did not start',
    fix: 'See the reason from the cluster in the detail',
    retry: true,
    status: 409,
  },
  'target.workbench-alive': {
    title: 'The workbench still holds the disks',
    fix: 'Wait until its pod is gone',
    retry: true,
    status: 409,
  },
  'target.exists': {
    title: 'The target name is taken by an object that is not ours',
    fix: 'Choose another targetName or remove the object',
    retry: false,
    status: 409,
  },
  'target.full': {
    title: 'The target volume is full',
    fix: 'Give it more room and retry: what is copied is kept',
    retry: false,
    status: 507,
  },
  'target.unhealthy': {
    title: 'The guest did not become well in time',
    fix: 'Look at its console, then `tranship retry`, or roll back',
    retry: false,
    status: 409,
  },
  'transfer.open': {
    title: 'The source disk cannot be opened',
    fix: 'See the message of the disk library in the detail',
    retry: true,
    status: 502,
  },
  'transfer.read': {
    title: 'The source disk cannot be read',
    fix: 'See the message of the disk library in the detail',
    retry: true,
    status: 502,
  },
  'transfer.write': {
    title: 'The target disk cannot be written',
    fix: 'See the message in the detail',
    retry: true,
    status: 502,
  },
  'transfer.ledger': {
    title: 'The ledger does not belong to this disk',
    fix: 'The disk is copied again',
    retry: true,
    status: 500,
  },
  'transfer.proof': {
    title: 'The target differs from what was read',
    fix: 'Retry: the leaves that differ are copied again',
    retry: true,
    status: 500,
  },
  'proof.none': {
    title: 'There is no proof yet',
    fix: 'Wait until the VM’s last pass is proven: see `tranship timeline`',
    retry: false,
    status: 404,
  },
  'nbd.protocol': {
    title: 'The NBD server breaks the protocol',
    fix: 'Check the version of nbdkit',
    retry: true,
    status: 502,
  },
  'guest.unsupported': {
    title: 'This guest cannot be converted',
    fix: 'Set convert: none for this VM, or prepare it by hand',
    retry: false,
    status: 422,
  },
  'guest.windows-unsupported': {
    title: 'Windows is not converted yet',
    fix: 'Set convert: none for this VM (it then runs on sata and e1000e), or install the virtio drivers in it before the migration',
    retry: false,
    status: 422,
  },
  'guest.bitlocker-unsupported': {
    title: 'A disk of the guest is encrypted by BitLocker',
    fix: 'Suspend or turn off BitLocker in the guest, keep the recovery key, and retry',
    retry: false,
    status: 422,
  },
  'guest.xfs-unsupported': {
    title: 'A root on xfs cannot be reached without mounting it',
    fix: 'Allow the mount engine (TRANSHIP_MOUNT_ENGINE=true) on the converter, or prepare the guest and set convert: none',
    retry: false,
    status: 422,
  },
  'guest.btrfs-unsupported': {
    title: 'A root on btrfs is not reached',
    fix: 'Prepare the guest by hand (virtio in its initramfs, NIC names by MAC) and set convert: none',
    retry: false,
    status: 422,
  },
  'guest.luks-unsupported': {
    title: 'The root of the guest is encrypted (LUKS)',
    fix: 'Prepare the guest by hand (virtio in its initramfs, NIC names by MAC) and set convert: none',
    retry: false,
    status: 422,
  },
  'guest.raid-unsupported': {
    title: 'The root of the guest is on software RAID',
    fix: 'Break the mirror in the guest, or prepare it by hand and set convert: none',
    retry: false,
    status: 422,
  },
  'guest.lvm-unsupported': {
    title: 'This layout of LVM is not reached',
    fix: 'Move the logical volume named to one run of extents (pvmove, lvconvert) in the guest, or set convert: none',
    retry: false,
    status: 422,
  },
  'guest.os-unsupported': {
    title: 'This operating system is not known',
    fix: 'Prepare the guest by hand and set convert: none: it then runs on sata and e1000e',
    retry: false,
    status: 422,
  },
  'guest.multi-boot-unsupported': {
    title: 'More than one operating system lies on the disks',
    fix: 'Leave one of them on the disks, or set convert: none',
    retry: false,
    status: 422,
  },
  'guest.initramfs-unsupported': {
    title: 'The initramfs of the guest is made by a tool that is not known',
    fix: 'Put virtio_pci, virtio_blk, virtio_scsi and virtio_net into it in the guest and set convert: none',
    retry: false,
    status: 422,
  },
  'guest.kernel-unsupported': {
    title: 'A kernel of the guest has no virtio',
    fix: 'Remove this kernel or install one with virtio in the guest, or set convert: none',
    retry: false,
    status: 422,
  },
  'guest.boot-unsupported': {
    title: 'The boot loader of the guest is not known',
    fix: 'Check that its kernel line names its root by UUID, and set convert: none',
    retry: false,
    status: 422,
  },
  'guest.fallback-unsupported': {
    title: 'UEFI would find no boot loader on KubeVirt, where the firmware’s variables are new',
    fix: 'Install it for removable media in the guest (grub-install --removable, or bootctl install), and retry',
    retry: false,
    status: 422,
  },
  'guest.device-unsupported': {
    title: 'The guest names a disk in a way that does not hold on KVM',
    fix: 'Name it by UUID in the file that is named, in the guest, and retry',
    retry: false,
    status: 422,
  },
  'guest.network-unsupported': {
    title: 'The network configuration of the guest will not hold on KVM',
    fix: 'Match the NIC by its MAC in the file that is named, in the guest, and retry',
    retry: false,
    status: 422,
  },
  'guest.malformed': {
    title: 'What lies on the disk makes no sense',
    fix: 'Check the guest’s disk in the guest (fsck, vgck), and retry',
    retry: false,
    status: 422,
  },
  'guest.image': {
    title: 'This disk image cannot be used',
    fix: 'Give a raw image: `qemu-img convert -O raw IN OUT`',
    retry: false,
    status: 422,
  },
  'guest.hibernated': {
    title: 'The guest sleeps on its disk',
    fix: 'Turn fast start-up and hibernation off in the guest (`powercfg /h off`), shut it down, and retry',
    retry: false,
    status: 409,
  },
  'guest.dirty': {
    title: "The guest's file system is not clean",
    fix: 'Shut the guest down properly and retry',
    retry: false,
    status: 409,
  },
  'guest.no-space': {
    title: 'No room in the guest for the conversion',
    fix: 'Free some space in the file system named',
    retry: false,
    status: 409,
  },
  'guest.conversion': {
    title: 'The conversion failed',
    fix: 'See the detail; the copy is kept, `tranship retry` converts again',
    retry: false,
    status: 500,
  },
  'guest.torn': {
    title: 'The conversion was cut off in the middle, and the disk cannot be put back',
    fix: 'Copy the disks again: they are compared with the source and rewritten where they differ',
    retry: false,
    status: 409,
  },
  'service.unavailable': {
    title: 'A service of Tranship does not answer',
    fix: 'See `tranship doctor`',
    retry: true,
    status: 503,
  },
  'service.internal': {
    title: 'An error inside Tranship',
    fix: 'Report it with the trace id',
    retry: true,
    status: 500,
  },
} as const satisfies Record<string, Entry>;

export type ErrorCode = keyof typeof catalogue;
export const errorCatalogue: Readonly<Record<ErrorCode, Entry>> = catalogue;

/** The wire form of an error: what happened, in `detail`, never holds a secret. */
export interface Problem {
  readonly code: ErrorCode;
  readonly title: string;
  readonly detail: string;
  readonly fix: string;
  readonly retry: boolean;
  readonly path?: string | undefined;
}

/** Every failure that a person may see. `detail` says what happened in this case; title and fix come from the catalogue. */
export class TranshipError extends Error {
  override readonly name = 'TranshipError';
  readonly code: ErrorCode;
  readonly detail: string;
  readonly path: string | undefined;
  readonly #retry: boolean | undefined;

  constructor(code: ErrorCode, detail: string, options: { cause?: unknown; path?: string; retry?: boolean } = {}) {
    super(`${code}: ${detail}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.detail = detail;
    this.path = options.path;
    this.#retry = options.retry;
  }

  get fix(): string {
    return errorCatalogue[this.code].fix;
  }

  get retry(): boolean {
    return this.#retry ?? errorCatalogue[this.code].retry;
  }

  toProblem(): Problem {
    const { title, fix } = errorCatalogue[this.code];
    return { code: this.code, title, detail: this.detail, fix, retry: this.retry, path: this.path };
  }

  static fromProblem(problem: Problem): TranshipError {
    return new TranshipError(problem.code, problem.detail, {
      retry: problem.retry,
      ...(problem.path === undefined ? {} : { path: problem.path }),
    });
  }

  /** Any thrown value as a TranshipError; what is not ours becomes `service.internal`. */
  static from(error: unknown): TranshipError {
    if (error instanceof TranshipError) return error;
    return new TranshipError('service.internal', error instanceof Error ? error.message : String(error), {
      cause: error,
    });
  }
}
