import { createClient, UTILITY } from "./client.js";
import type { Client, ClientOptions } from "./client.js";
import * as errors from "./errors.js";
import type { components, paths } from "./generated/accounts.js";
import type { TokenProvider } from "./tokens.js";
import { unlessAborted, within } from "./waiting.js";

export type { Answer, CallInit, Client, ClientOptions } from "./client.js";
export { NetworkError } from "./errors.js";
export type { Send, TokenProvider, TokenRequest } from "./tokens.js";
export type { components, operations, paths } from "./generated/accounts.js";

type Schemas = components["schemas"];
export type Task = Schemas["MyTask"];
export type User = Schemas["User"];
export type InvalidField = Schemas["InvalidField"];

/** Its errors have no codes; with 422, `details` holds every field that breaks a rule. */
export type ApiError = errors.ApiError<undefined, readonly InvalidField[]>;
export const ApiError: errors.ErrorClass<undefined, readonly InvalidField[]> = errors.ApiError;

const OPEN = [
  ...UTILITY,
  "/api/auth/signup",
  "/api/auth/signin",
  "/api/auth/refresh",
] as const satisfies readonly (keyof paths)[];

export function createAccountsClient(options: ClientOptions): Client<paths> {
  return createClient<paths>(options, { said, open: OPEN });
}

function said(body: unknown): errors.Said<undefined, readonly InvalidField[]> {
  const { detail, errors: fields } = errors.membersOf(body);
  return {
    message: errors.textOf(detail),
    details: Array.isArray(fields) ? (fields as readonly InvalidField[]) : undefined,
  };
}

// Sessions ------------------------------------------------------------------------------

/** The tokens of a session, as sign-up, sign-in and refresh answer them. */
export interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
}

export interface SessionOptions extends Omit<ClientOptions, "getToken"> {
  /** Read the tokens from where all tabs find them; undefined while nobody is signed in. */
  readonly load: () => Tokens | undefined | Promise<Tokens | undefined>;
  /** Keep the new tokens in place of the old ones; undefined when the session has ended. */
  readonly save: (tokens: Tokens | undefined) => void | Promise<void>;
  /**
   * How long a refresh waits for the server; 10 by default, 3600 at most.
   * As long for another tab that refreshes, and for `load` and `save`.
   */
  readonly timeoutSeconds?: number | undefined;
}

// The server gives a refresh token's answer again for ten seconds. A try that may have been heard
// ends well before that, and leaves the next one longer than the server waits for its database.
const FIRST_SHARE = 0.4;
const FIRST_SECONDS_MAX = 4;

/**
 * Make a `getToken` that trades the refresh token for a new pair when the access token is refused.
 *
 * A refresh token works once, so one call refreshes and all others wait for it: those of other
 * tabs too, where the browser has the Web Locks API (pages with TLS, and localhost). A call that is
 * aborted ends its own wait only. A refresh that takes too long ends as a `NetworkError` for all
 * that wait; the session is kept, and the next call tries anew.
 */
export function refreshingTokens(options: SessionOptions): TokenProvider {
  const { load, save, timeoutSeconds = 10, ...rest } = options;
  if (!(timeoutSeconds > 0 && timeoutSeconds <= 3600)) {
    throw new RangeError("timeoutSeconds must be more than 0, and 3600 at most");
  }
  const client = createAccountsClient(rest);
  const session = `todo-backend session ${rest.baseUrl}`;
  let underWay: Promise<string | undefined> | undefined;

  const inTime = <T>(work: () => T | Promise<T>): Promise<T> =>
    within(timeoutSeconds, (signal) => unlessAborted(async () => work(), signal));

  /** Undefined where the session has ended. */
  const trade = async (refresh_token: string): Promise<Tokens | undefined> => {
    const ask = (seconds: number) =>
      within(seconds, (signal) =>
        client.POST("/api/auth/refresh", { body: { refresh_token }, signal }),
      );
    const firstSeconds = Math.min(timeoutSeconds * FIRST_SHARE, FIRST_SECONDS_MAX);
    try {
      const { data } = await ask(firstSeconds).catch((error: unknown) => {
        if (error instanceof errors.NetworkError) return ask(timeoutSeconds - firstSeconds);
        throw error;
      });
      return data;
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return undefined;
      throw error;
    }
  };

  const refresh = async (refused: string | undefined): Promise<string | undefined> => {
    const tokens = await inTime(load);
    // Somebody else was faster.
    if (!tokens || tokens.access_token !== refused) return tokens?.access_token;
    const traded = await trade(tokens.refresh_token);
    // Who has signed in or out meanwhile is not undone.
    const now = await inTime(load);
    if (now?.refresh_token !== tokens.refresh_token) return now?.access_token;
    await inTime(() => save(traded));
    return traded?.access_token;
  };

  return async ({ fresh, refused }) => {
    if (!fresh) return (await load())?.access_token;
    underWay ??= alone(session, timeoutSeconds, () => refresh(refused)).finally(
      () => (underWay = undefined),
    );
    return underWay;
  };
}

async function alone<T>(name: string, seconds: number, work: () => Promise<T>): Promise<T> {
  const { locks } = (globalThis.navigator as Partial<Navigator> | undefined) ?? {};
  if (locks === undefined) return work();
  // The signal ends the wait for the lock; the work has limits of its own.
  return within(seconds, (signal) => locks.request(name, { signal }, work));
}
