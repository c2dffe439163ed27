// The plain table of the ceiling: no index, no constraint, synchronous_commit on. What PostgreSQL takes at most in this form.

import postgres from 'postgres';

export interface PlainRow {
  conversationId: string;
  seq: number;
  id: string;
  messageId: string;
  text: string;
}

export class PlainTable {
  readonly #sql: postgres.Sql;

  private constructor(sql: postgres.Sql) {
    this.#sql = sql;
  }

  static async open(databaseUrl: string): Promise<PlainTable> {
    const sql = postgres(databaseUrl, { max: 1, connection: { synchronous_commit: 'on' }, onnotice: () => {} });
    await sql`create table if not exists bench_plain (conversation text, seq bigint, id uuid, message_id uuid, sender text, text text, at timestamptz)`;
    return new PlainTable(sql);
  }

  /** Resolves after the commit. */
  async insert(rows: readonly PlainRow[]): Promise<void> {
    await this.#sql`
      insert into bench_plain
      select c, s, i, m, 'somebody', t, clock_timestamp()
      from unnest(
        ${rows.map((row) => row.conversationId)}::text[], ${rows.map((row) => row.seq)}::bigint[], ${rows.map((row) => row.id)}::uuid[],
        ${rows.map((row) => row.messageId)}::uuid[], ${rows.map((row) => row.text)}::text[]) as t(c, s, i, m, t)`;
  }
}
