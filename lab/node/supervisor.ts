import { createHash, randomBytes, X509Certificate } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as plane from '../cluster/control-plane.ts';
import { writeNodeFiles } from '../cluster/node-files.ts';
import {
  awaitKubevirt,
  awaitNode,
  createDefinitions,
  createKubevirt,
  createWorld,
  importImages,
} from '../cluster/objects.ts';
import { kubeconfig, makePki } from '../cluster/pki.ts';
import { Provisioner } from '../cluster/provisioner.ts';
import { Keeper, powerOn } from '../guests/keeper.ts';
import { run } from '../setup/shell.ts';
import { type Lab, labFile, writeWhole } from '../state.ts';
import { readWorld, type World } from '../world/schema.ts';
import { Meter, meterPort } from './meter.ts';
import { Part, type PartSpec } from './part.ts';
import type { Settings } from './settings.ts';
import { control, nats, vcenterPort, vcenterUser, vcsim } from './vsphere.ts';

const settings = JSON.parse(readFileSync(join(process.cwd(), 'settings.json'), 'utf8')) as Settings;
const { dir, address } = settings;
const world = readWorld(settings.world);
const began = Date.now();
const parts: Part[] = [];
const stop = new AbortController();
const meter = new Meter();
let keeper: Keeper | undefined;

/** Progress for the machine's side, which reads this file. */
const say = (text: string) =>
  writeFileSync(join(dir, 'progress'), `${((Date.now() - began) / 1000).toFixed(1)} s  ${text}\n`, { flag: 'a' });

async function start(spec: PartSpec): Promise<void> {
  const part = new Part(spec, join(dir, 'log'));
  parts.push(part);
  await part.start();
}

async function startVsphere(): Promise<void> {
  const vcenterPassword = randomBytes(18).toString('base64url');
  await start(nats(settings));
  say('NATS JetStream');
  keeper = new Keeper(world, control(address), join(dir, 'guests'));
  keeper.listen(8991, '127.0.0.1');
  await meter.listen(meterPort(vcenterPort), address);
  await start(await vcsim(settings, world, vcenterPassword));
  say(`vCenter with ${world.spec.vms.length + (world.spec.fleet?.count ?? 0)} VMs`);
  writeFileSync(join(dir, 'vcenter.password'), vcenterPassword, { mode: 0o600 });
  for (const vm of world.spec.vms.filter((each) => each.guest && each.power === 'on')) {
    await powerOn(control(address), vm.name);
    say(`${vm.name} boots on VMware-like hardware`);
  }
}

async function startCluster(world: World): Promise<void> {
  for (const [user, name] of [
    ['admin', 'admin'],
    ['kcm', 'kcm'],
    ['node', 'node'],
  ] as const) {
    writeWhole(
      join(dir, `${name}.kubeconfig`),
      kubeconfig(join(dir, 'pki'), plane.server(address), { certificate: user }),
      0o600,
    );
  }
  writeNodeFiles(dir, address, settings.bin);
  mkdirSync(join(dir, 'manifests'), { recursive: true });
  const manifests = run(join(settings.kubevirtBin, 'kv'), [
    'manifests',
    '-host-dir',
    join(dir, 'host'),
    '-out',
    join(dir, 'manifests'),
  ]);
  const images = start(plane.containerd(settings)).then(() => importImages(settings));
  await start(plane.etcd(settings));
  await start(plane.apiserver(settings));
  say('etcd and apiserver');
  await Promise.all([
    start(plane.controllerManager(settings)),
    start(plane.scheduler(settings)),
    start(plane.proxy(settings)),
    start(plane.kubelet(settings)),
  ]);
  await manifests;
  await createDefinitions(settings);
  await createWorld(settings, world);
  say('objects');
  await images;
  say('images');
  await createKubevirt(settings);
  void new Provisioner(join(dir, 'admin.kubeconfig'), join(dir, 'volumes')).run(stop.signal);
  await awaitNode(settings);
  say('node');
  await awaitKubevirt(settings);
  say('KubeVirt');
}

function describe(): Lab {
  const certificate = readFileSync(join(dir, 'pki/vcenter.crt'), 'utf8');
  const sha1 = createHash('sha1').update(new X509Certificate(certificate).raw).digest('hex').toUpperCase();
  return {
    holder: '', // what the machine's side knows
    init: 0,
    address,
    kubeconfig: join(dir, 'admin.kubeconfig'),
    nats: { url: `nats://${address}:4222`, passwords: join(dir, 'nats-passwords') },
    vcsim: {
      url: `https://${address}:${vcenterPort}/sdk`,
      username: vcenterUser,
      passwordFile: join(dir, 'vcenter.password'),
      caFile: join(dir, 'pki/ca.crt'),
      thumbprint: sha1.match(/../g)!.join(':'),
      control: control(address),
      meter: `http://${address}:${meterPort(vcenterPort)}`,
    },
    started: new Date().toISOString(),
  };
}

async function end(): Promise<void> {
  stop.abort();
  await keeper?.stop();
  for (const part of parts.reverse()) await part.stop();
  process.exit(0);
}

process.on('SIGTERM', () => void end());
process.on('SIGINT', () => void end());
try {
  for (const name of ['pki', 'log', 'guests', 'volumes', 'host']) mkdirSync(join(dir, name), { recursive: true });
  await makePki(join(dir, 'pki'), address);
  await startVsphere();
  if (settings.cluster) await startCluster(world);
  writeWhole(`${labFile(dir)}.inside`, JSON.stringify(describe()));
  say('READY');
} catch (error) {
  say(`FAILED ${error instanceof Error ? error.message : error}`);
  await end();
}
