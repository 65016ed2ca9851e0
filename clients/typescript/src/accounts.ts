import { createClient, UTILITY } from "./client.js";
import type { Client, ClientOptions } from "./client.js";
import * as errors from "./errors.js";
import type { components, paths } from "./generated/accounts.js";
import type { TokenProvider } from "./tokens.js";

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
}

/**
 * Make a `getToken` that trades the refresh token for a new pair when the access token is refused.
 *
 * A refresh token works once, so one call refreshes and all others wait for it: those of other
 * tabs too, where the browser has the Web Locks API (pages with TLS, and localhost).
 */
export function refreshingTokens({ load, save, ...options }: SessionOptions): TokenProvider {
  const client = createAccountsClient(options);
  let underWay: Promise<string | undefined> | undefined;

  const refresh = async (refused: string | undefined): Promise<string | undefined> => {
    const tokens = await load();
    // Somebody else was faster.
    if (tokens === undefined || tokens.access_token !== refused) return tokens?.access_token;
    const body = { refresh_token: tokens.refresh_token };
    const ask = () => client.POST("/api/auth/refresh", { body });
    try {
      // A lost answer may be asked for again: for some seconds the same token gets the same pair.
      const { data } = await ask().catch((error: unknown) => {
        if (error instanceof errors.NetworkError) return ask();
        throw error;
      });
      await save(data);
      return data.access_token;
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 401)) throw error;
      await save(undefined);
      return undefined;
    }
  };

  return async ({ fresh, refused }) => {
    if (!fresh) return (await load())?.access_token;
    underWay ??= alone(`todo-backend session ${options.baseUrl}`, () => refresh(refused)).finally(
      () => (underWay = undefined),
    );
    return underWay;
  };
}

async function alone<T>(name: string, work: () => Promise<T>): Promise<T> {
  const { locks } = (globalThis.navigator as Partial<Navigator> | undefined) ?? {};
  return locks === undefined ? work() : locks.request(name, work);
}
