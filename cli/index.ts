export { Api } from './api.ts';
export { followEvents } from './follow.ts';
export { type Terminal, terminal } from './terminal.ts';
export { downtime, type WatchModel, watchModel, withMigration, withProgress } from './watch/model.ts';
export { movedLines, Tenths } from './watch/plain.ts';
export { Screen } from './watch/screen.ts';
export { summary, type ViewOptions, watchLines } from './watch/view.ts';
export { watchMigration } from './watch/watch.ts';
