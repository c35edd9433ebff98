import type { z } from 'zod';
import type { DocumentKind, documentKinds } from '../documents/index.ts';

/** A document of each kind, as a person writes it; a kind without one does not compile. */
export const documentExamples: { readonly [K in DocumentKind]: z.input<(typeof documentKinds)[K]> } = {
  Provider: {
    apiVersion: 'tranship.dev/v1',
    kind: 'Provider',
    metadata: { name: 'vc1' },
    spec: {
      type: 'vsphere',
      url: 'https://vcenter.example.com/sdk',
      credentials: { secret: 'vc1' },
      tls: { thumbprint: '0A:1B:2C:3D:4E:5F:60:71:82:93:A4:B5:C6:D7:E8:F9:0A:1B:2C:3D' },
    },
  },
  NetworkMap: {
    apiVersion: 'tranship.dev/v1',
    kind: 'NetworkMap',
    metadata: { name: 'nets' },
    spec: {
      source: 'vc1',
      entries: [
        { source: { name: 'VM Network' }, target: { type: 'pod' } },
        { source: { id: 'dvportgroup-21' }, target: { type: 'multus', name: 'apps/vlan21' } },
      ],
    },
  },
  StorageMap: {
    apiVersion: 'tranship.dev/v1',
    kind: 'StorageMap',
    metadata: { name: 'stores' },
    spec: {
      source: 'vc1',
      entries: [{ source: { name: 'fast-ds' }, target: { storageClass: 'ceph-rbd', volumeMode: 'Block' } }],
    },
  },
  Plan: {
    apiVersion: 'tranship.dev/v1',
    kind: 'Plan',
    metadata: { name: 'shop' },
    spec: {
      source: 'vc1',
      target: { namespace: 'apps' },
      type: 'warm',
      networkMap: 'nets',
      storageMap: 'stores',
      vms: [
        {
          ...{ name: 'web-01', group: 'shop', luks: { secret: 'web-01-keys' } },
          accept: [{ concern: 'usb.controller', reason: 'dongle retired' }],
        },
      ],
      cutover: {
        ...{ mode: 'at', at: '2026-12-01T22:00:00+01:00', downtimeBudget: '5m' },
        window: { cron: '0 22 * * 6', for: '4h', timeZone: 'Europe/Berlin' },
      },
      archive: { after: '720h' },
    },
  },
};
