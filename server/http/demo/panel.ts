// One person of the demo: a client of the SDK on a network that can be broken, one conversation, and the view of it. The client
// and the conversation are all that an application has to write; order, retries, receipts and catching up are the SDK's.

import { type Client, type ConversationHandle, createClient, type UTalkError } from '../../../client-sdk/index.ts';
import { localStorageStore } from '../../../client-sdk/store/index.ts';
import type { Attention } from './attention.ts';
import { eachFrame } from './dom.ts';
import type { FaultName } from './fault-buttons.ts';
import { startBot } from './lab/bot.ts';
import type { Ledger } from './lab/ledger.ts';
import { SleepingClock } from './lab/sleeping-clock.ts';
import { Wire } from './lab/wire.ts';
import { Lines } from './line.ts';
import type { PanelView, Person } from './panel-view.ts';
import { olderPages, readWhenSeen } from './reading.ts';
import { millisecondsWords, stateWords, typingWords, whyWords } from './wording.ts';

export interface PanelOptions {
  person: Person;
  conversationId: string;
  /** The WebSocket URL of the server. */
  url: string;
  /** Fetches a token for the person. */
  token: () => Promise<string>;
  view: PanelView;
  attention: Attention;
  ledger: Ledger;
  /** Called when state or number of unread messages may have changed. */
  onChange(client: Client, unread: number): void;
}

/** Shorter than the SDK's default, so that a lost acknowledgement is made good while one looks. */
const ackTimeoutMs = 3_000;
/** Entries a panel keeps; older ones are loaded when the reader goes there, and let go when he is back. */
const maxEntries = 100;
const sleepMs = 600_000;

export class Panel {
  readonly person: Person;
  readonly wire: Wire;
  readonly #options: PanelOptions;
  readonly #clock = new SleepingClock();
  readonly #client: Client;
  readonly #conversation: ConversationHandle;
  readonly #lines: Lines;
  readonly #drawDevice = eachFrame(() => this.#showDevice());
  /** Why the conversation cannot be joined. */
  #refusal: string | undefined;

  /** Connects the person and keeps the view up to date from then on. */
  constructor(options: PanelOptions) {
    const { person, conversationId, url, ledger } = options;
    this.person = person;
    this.#options = options;
    this.wire = new Wire({ clock: this.#clock });
    this.#client = createClient({
      url,
      auth: () => this.#token(),
      store: localStorageStore(),
      clock: this.#clock,
      WebSocket: this.wire.WebSocket,
      ackTimeoutMs,
      maxEntries,
      agent: 'demo page',
    });
    this.#conversation = this.#client.conversation(conversationId);
    this.#lines = new Lines(person, this.#conversation);
    ledger.watch(person.id, this.#client, this.#conversation, this.wire);
    this.#showLog();
    this.#watchDevice();
    this.#listenToReader();
    this.#connect();
    this.#join();
  }

  /**
   * Resolves when the client becomes live the next time, or when its person is cut off or asleep, so that nothing can be said of
   * the server. Ends unresolved with the signal.
   */
  nextLive(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const look = (isLive: boolean) => {
        if (!isLive && !this.wire.isCut && !this.#clock.isAsleep) return;
        end();
        resolve();
      };
      const ends = [
        this.#client.on('state', ({ name }) => look(name === 'live')),
        this.wire.onChange(() => look(false)),
        this.#clock.onChange(() => look(false)),
      ];
      const end = () => {
        for (const off of ends) off();
      };
      signal.addEventListener('abort', end);
      look(false);
    });
  }

  /** Puts a message into the outbox. @returns false when it is full, which the panel says */
  send(text: string): boolean {
    const { ledger, view } = this.#options;
    try {
      ledger.witness(this.person.id).sent(this.#conversation.send(text));
      view.showRefusal('');
      return true;
    } catch (error) {
      view.showRefusal(`Not taken: ${(error as UTalkError).message}`);
      return false;
    }
  }

  #sendAgain(messageId: string): void {
    const again = this.#conversation.retry(messageId);
    if (again) this.#options.ledger.witness(this.person.id).sent(again);
  }

  #token(): Promise<string> {
    // What cannot reach the server cannot reach who gives tokens either.
    return this.wire.isCut ? Promise.reject(new Error('the network is cut')) : this.#options.token();
  }

  /** The state tells how it goes. */
  #connect(): void {
    this.#client.connect().catch(() => {});
  }

  #join(): void {
    const { person, ledger, view } = this.#options;
    this.#conversation.join().catch((error: Error) => {
      this.#refusal = error.message;
      this.#drawDevice();
    });
    if (person.role !== 'bot') return;
    startBot({
      conversation: this.#conversation,
      userId: person.id,
      clock: this.#clock,
      onSent: (message) => {
        ledger.witness(person.id).sent(message);
        view.showRefusal('');
      },
      onError: (error) => view.showRefusal(`The bot begins again, it was stopped: ${(error as Error).message}`),
    });
  }

  #showLog(): void {
    const { person, view, attention, onChange } = this.#options;
    const conversation = this.#conversation;
    // The bot marks what it has dealt with itself; that somebody looks over its shoulder says nothing.
    const isReader = () => person.role !== 'bot' && attention.has(view.element);
    const read = readWhenSeen(conversation, () => (isReader() ? view.log.visibleSeq() : undefined));
    const draw = eachFrame(() => {
      if (view.log.atEnd && conversation.entries.length > 2 * maxEntries) conversation.trim();
      view.showLines(this.#lines.all());
      view.showUnread(conversation.unreadCount);
      read();
    });
    conversation.on('change', () => {
      draw();
      onChange(this.#client, conversation.unreadCount);
    });
    conversation.on('typing', () => view.showTyping(typingWords(conversation.typing.users.map((id) => this.#lines.nameOf(id)))));
    attention.watch(view.element, () => {
      view.speak(attention.isLast(view.element));
      read();
    });
    view.log.onMoved = read;
    view.log.onAgain = (messageId) => this.#sendAgain(messageId);
    view.log.onOlder = olderPages(conversation, view.log);
  }

  /** State, queue, round trip and faults: each can change by itself, so all are drawn together. */
  #watchDevice(): void {
    const draw = this.#drawDevice;
    this.#client.on('state', () => {
      draw();
      this.#options.onChange(this.#client, this.#conversation.unreadCount);
    });
    this.#conversation.on('change', draw);
    this.wire.onFrame(draw);
    this.wire.onChange(draw);
    this.#clock.onChange(draw);
    draw();
  }

  #showDevice(): void {
    const { view } = this.#options;
    const { connection, unsent } = this.#client;
    const { isCut, armed, roundTrips } = this.wire;
    const { isAsleep } = this.#clock;
    const broken = { isCut, isAsleep, ...armed };
    if (this.#refusal !== undefined) view.showState('closed', 'Refused', this.#refusal);
    else view.showState(connection.name, stateWords[connection.name], whyWords(connection, broken, unsent, this.#clock.now()));
    view.showNumbers(unsent, millisecondsWords(roundTrips.latest), millisecondsWords(roundTrips.median));
    view.faults.show({ cut: isCut, 'lose-ack': armed.loseAck, double: armed.double, sleep: isAsleep });
  }

  #listenToReader(): void {
    const { view } = this.#options;
    const { typing } = this.#conversation;
    view.onSend = (text) => this.send(text);
    view.onWriting = (writing) => (writing ? typing.start() : typing.stop());
    view.faults.onPress = (fault) => this.#break(fault);
  }

  #break(fault: FaultName): void {
    const { armed } = this.wire;
    if (fault === 'lose-ack') this.wire.loseNextAck(!armed.loseAck);
    else if (fault === 'double') this.wire.doubleNextSend(!armed.double);
    else if (fault === 'sleep') void this.#clock.sleep(sleepMs);
    else if (!this.wire.isCut) this.wire.cut();
    else {
      this.wire.mend();
      this.#connect();
    }
  }
}
