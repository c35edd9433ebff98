/** Control sequence introducer. */
const csi = '\u001b[';

/** Lines at the end of a terminal that are drawn again in place. */
export class Screen {
  readonly #write: (raw: string) => void;
  #height = 0;

  constructor(write: (raw: string) => void) {
    this.#write = write;
  }

  /** Replaces what was drawn last. No line may be wider than the terminal, nor all be higher. */
  draw(lines: readonly string[]): void {
    const up = this.#height > 0 ? `${csi}${this.#height}A` : '';
    const body = lines.map((line) => `${line}${csi}K\n`).join('');
    this.#write(`${up}\r${body}${csi}J`);
    this.#height = lines.length;
  }
}
