// What concerns everybody: killing the server, letting all people write, opening the inspector.

import { part, setText } from './dom.ts';
import type { Panel } from './panel.ts';
import { instantWords } from './wording.ts';

const whyNot = 'The server can be killed only where script/server has started it: something must start it again.';

/** Messages that everybody writes at once. */
const burst = 10;

export interface ControlsOptions {
  /** The bar with the buttons. */
  bar: HTMLElement;
  /** Says what has happened. */
  notice: HTMLElement;
  panels: readonly Panel[];
  canKill: boolean;
}

/** Brings the buttons to life. */
export function addControls({ bar, notice, panels, canKill }: ControlsOptions): void {
  const say = (text: string) => setText(notice, text);
  const kill = part<HTMLButtonElement>(bar, '#kill');
  if (!canKill) explainWhyNot(kill);
  kill.addEventListener('click', () => void (canKill ? killServer(panels, say) : say(whyNot)));
  part(bar, '#everybody').addEventListener('click', () => letAllWrite(panels, say));
}

/** The button stays reachable, so that the reason can be found. */
function explainWhyNot(kill: HTMLButtonElement): void {
  kill.setAttribute('aria-disabled', 'true');
  kill.title = whyNot;
}

async function killServer(panels: readonly Panel[], say: (text: string) => void): Promise<void> {
  const at = Date.now();
  const waiting = new AbortController();
  const back = Promise.all(panels.map((panel) => panel.nextLive(waiting.signal)));
  try {
    const response = await fetch('/demo/kill', { method: 'POST' });
    if (!response.ok) throw new Error(((await response.json()) as { message: string }).message);
    const killed = `The server was killed at ${instantWords(at)}, without a farewell.`;
    say(`${killed} It is started again at once.`);
    await back;
    say(`${killed} Whoever has a network was live again after ${((Date.now() - at) / 1_000).toFixed(1)} s.`);
  } catch (error) {
    waiting.abort();
    // Killed twice within a moment: there was nobody to answer.
    say(error instanceof TypeError ? 'The server is not there. It is being started again.' : (error as Error).message);
  }
}

/** In turns, so that one person's full outbox keeps nobody else from writing. */
function letAllWrite(panels: readonly Panel[], say: (text: string) => void): void {
  const people = panels.filter(({ person }) => person.role !== 'bot');
  let written = 0;
  for (let number = 1; number <= burst; number++) {
    for (const panel of people) if (panel.send(`${number} of ${burst} from ${panel.person.name}`)) written++;
  }
  const refused = people.length * burst - written;
  say(`${written} messages were written at once${refused > 0 ? `, ${refused} did not fit` : ''}.`);
}
