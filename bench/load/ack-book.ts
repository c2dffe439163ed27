// What one sender was told: every ack with its seq and entry id, kept in flat arrays so that keeping them costs the load
// generator next to nothing. The checks read it back after the run.

const idBytes = 36;

export class AckBook {
  readonly requestIds: number[] = [];
  readonly seqs: number[] = [];
  highestSeq = 0;
  #ids: Buffer = Buffer.allocUnsafeSlow(idBytes * 256);

  get count(): number {
    return this.seqs.length;
  }

  /** @param idAt where the entry id's 36 characters begin in `bytes`. */
  add(requestId: number, seq: number, bytes: Buffer, idAt: number): void {
    const at = this.seqs.length * idBytes;
    if (at + idBytes > this.#ids.length) {
      const grown = Buffer.allocUnsafeSlow(this.#ids.length * 2);
      this.#ids.copy(grown, 0, 0, at);
      this.#ids = grown;
    }
    bytes.copy(this.#ids, at, idAt, idAt + idBytes);
    this.requestIds.push(requestId);
    this.seqs.push(seq);
    if (seq > this.highestSeq) this.highestSeq = seq;
  }

  entryId(index: number): string {
    return this.#ids.toString('latin1', index * idBytes, (index + 1) * idBytes);
  }
}
