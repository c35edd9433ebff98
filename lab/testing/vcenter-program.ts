import { startVCenter } from './vcenter.ts';

/** For libraries, which know nothing of the lab: the world as an argument, the facts as a line, the end when stdin ends. */
const { stop, ...facts } = await startVCenter(JSON.parse(process.argv[2] ?? '{}'));
console.log(JSON.stringify(facts));
process.stdin.resume().once('end', async () => {
  await stop();
  process.exit(0);
});
