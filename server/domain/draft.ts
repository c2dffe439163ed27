// The checks of a message that its schema cannot express, and the hash that tells a retry from another message.

import { hash } from 'node:crypto';
import { type CommandInput, checkMetadata, limits } from '../../protocol/index.ts';
import { CommandError } from '../errors.ts';

export type Draft = Pick<CommandInput<'message:send'>, 'type' | 'text' | 'mediaId' | 'metadata'>;

/** Bumped when the canonical form changes; another version counts as equal, or a deploy would turn retries into ID_REUSED. */
const hashVersion = '01';

/**
 * Checks what the type demands (DECISIONS C34) and the bounds of text and metadata.
 * @throws CommandError INVALID_BODY
 */
export function checkDraft(draft: Draft): void {
  const fault = faultOf(draft);
  if (fault) throw new CommandError('INVALID_BODY', fault);
}

function faultOf({ type, text, mediaId, metadata }: Draft): string | undefined {
  if (text !== undefined && text.length > limits.maxTextLength && codePoints(text) > limits.maxTextLength) {
    return `text exceeds ${limits.maxTextLength} characters`;
  }
  if (metadata !== undefined) {
    const fault = checkMetadata(metadata);
    if (fault) return fault;
  }
  if (type === 'text') return text === undefined || text.trim() === '' ? 'a text message needs text' : undefined;
  if (type === 'location') {
    const { latitude, longitude } = metadata ?? {};
    return within(latitude, 90) && within(longitude, 180)
      ? undefined
      : 'a location needs metadata.latitude and metadata.longitude in degrees';
  }
  return text === undefined && mediaId === undefined ? `a message of type ${type} needs text or mediaId` : undefined;
}

const within = (value: unknown, bound: number) => typeof value === 'number' && Math.abs(value) <= bound;

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** 32 hex digits over type, text as received, mediaId and metadata with sorted keys (DECISIONS C16). */
export function bodyHash({ type, text, mediaId, metadata }: Draft): string {
  const canonical = JSON.stringify([type, text ?? null, mediaId ?? null, metadata === undefined ? null : sorted(metadata)]);
  return hashVersion + hash('sha256', canonical, 'hex').slice(2, 32);
}

/** The value with its maps turned into sorted lists of pairs, marked as maps so that no list looks like one. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return ['list', ...value.map(sorted)];
  if (typeof value !== 'object' || value === null) return value;
  const pairs = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return ['map', ...pairs.map(([key, item]) => [key, sorted(item)])];
}
