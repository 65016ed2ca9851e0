/** Tabs of one browser: what they share, and a client in each. */
import type { TestContext } from "node:test";

import { createAccountsClient, refreshingTokens } from "../src/accounts.js";
import type { Send, SessionOptions, Tokens } from "../src/accounts.js";
import { json } from "./server.js";

export const baseUrl = "http://backend";
export const OLD = { access_token: "old", refresh_token: "once" };
export const NEW = {
  access_token: "new",
  refresh_token: "next",
  token_type: "bearer",
  expires_in: 900,
};
export const expired = () => json(401, { detail: "The access token is not valid" });
export const tasks = () => json(200, []);

export class Storage {
  readonly saved: (Tokens | undefined)[] = [];
  tokens: Tokens | undefined;

  constructor(tokens?: Tokens) {
    this.tokens = tokens;
  }

  readonly load = async () => this.tokens;
  readonly save = async (tokens: Tokens | undefined) => {
    this.saved.push(tokens);
    this.tokens = tokens;
  };
}

export function tab(
  { fetch }: { readonly fetch: Send },
  { load, save }: Storage,
  options: Partial<SessionOptions> = {},
) {
  const session = { baseUrl, fetch, load, save, ...options };
  return createAccountsClient({ ...session, getToken: refreshingTokens(session) });
}

/** Give the test the Web Locks API, with one lock. */
export function locksIn(test: TestContext): LockManager {
  let last: Promise<unknown> = Promise.resolve();
  const request = (_: string, { signal }: { signal?: AbortSignal }, work: () => Promise<unknown>) =>
    new Promise((resolve, reject) => {
      const giveUp = () => reject(signal?.reason);
      signal?.addEventListener("abort", giveUp);
      last = last.then(async () => {
        if (signal?.aborted) return;
        // Who has the lock keeps it to the end.
        signal?.removeEventListener("abort", giveUp);
        await work().then(resolve, reject);
      });
    });
  const value = { locks: { request } };
  const before = Object.getOwnPropertyDescriptor(globalThis, "navigator");
  Object.defineProperty(globalThis, "navigator", { value, configurable: true });
  test.after(() => {
    if (before) Object.defineProperty(globalThis, "navigator", before);
    else Reflect.deleteProperty(globalThis, "navigator");
  });
  return value.locks as unknown as LockManager;
}
