import createFetchClient from "openapi-fetch";
import type { ParamsOption, RequestBodyOption } from "openapi-fetch";

import { ApiError, NetworkError } from "./errors.js";
import type { Said } from "./errors.js";
import { sendSigned } from "./tokens.js";
import type { Send, TokenProvider } from "./tokens.js";
import { unlessAborted } from "./waiting.js";

export interface ClientOptions {
  /** Where the backend is, with or without a slash at the end; "" is the page's own origin. */
  readonly baseUrl: string;
  /** Asked for each call; without it calls carry no token. */
  readonly getToken?: TokenProvider | undefined;
  /** Sends in place of the global `fetch`. */
  readonly fetch?: Send | undefined;
}

/** What a contract's client is made of: how it reads errors, and which paths want no token. */
export interface Speech {
  readonly said: (body: unknown) => Said<unknown, unknown>;
  readonly open: readonly string[];
}

/** The paths of every contract that want no token. */
export const UTILITY = ["/", "/health", "/livez"] as const;

type Method = "get" | "post" | "put" | "patch" | "delete";
type PathsWith<Paths, M extends Method> = {
  [Path in keyof Paths]: Paths[Path] extends { [K in M]: object } ? Path : never;
}[keyof Paths];
type OperationAt<Paths, Path extends keyof Paths, M extends Method> = M extends keyof Paths[Path]
  ? Paths[Path][M]
  : never;

/** What a call takes: parameters and body as its operation wants them, and options of `fetch`. */
export type CallInit<Operation> = ParamsOption<Operation> &
  RequestBodyOption<Operation> &
  Omit<RequestInit, "body" | "headers" | "method" | "signal"> & {
    readonly headers?: Readonly<Record<string, string>> | undefined;
    readonly signal?: AbortSignal | undefined;
  };

type Body<Operation> = Operation extends { responses: infer Responses }
  ? Responses[keyof Responses & (200 | 201 | 204)] extends infer Success
    ? Success extends { content: { "application/json": infer Data } }
      ? Data
      : undefined
    : never
  : never;

/** Only a call that says which version it has can be told that there is nothing new. */
type Unchanged<Init> = Init extends { params: { header: { "If-None-Match": string } } }
  ? undefined
  : never;

/** A good answer. */
export interface Answer<Data> {
  /** Undefined with 204, and with 304 after `If-None-Match`. */
  readonly data: Data;
  /** The version, for `If-Match` and `If-None-Match`; null where a proxy took it away. */
  readonly etag: string | null;
  /** Its body has been read. */
  readonly response: Response;
}

/** Calls an operation; rejects with `ApiError`, `NetworkError` or the reason of an abort. */
type Call<Paths, M extends Method> = <
  Path extends PathsWith<Paths, M>,
  Init extends CallInit<OperationAt<Paths, Path, M>>,
>(
  path: Path,
  ...init: object extends CallInit<OperationAt<Paths, Path, M>> ? [init?: Init] : [init: Init]
) => Promise<Answer<Body<OperationAt<Paths, Path, M>> | Unchanged<Init>>>;

export interface Client<Paths> {
  readonly GET: Call<Paths, "get">;
  readonly POST: Call<Paths, "post">;
  readonly PUT: Call<Paths, "put">;
  readonly PATCH: Call<Paths, "patch">;
  readonly DELETE: Call<Paths, "delete">;
}

type UntypedClient = { readonly [M in Uppercase<Method>]: UntypedCall };
type UntypedCall = (
  path: string,
  init?: { readonly signal?: AbortSignal },
) => Promise<Answer<unknown>>;

export function createClient<Paths>(options: ClientOptions, speech: Speech): Client<Paths> {
  const { baseUrl, getToken, fetch } = options;
  const send = orNetworkError((request) => (fetch ?? globalThis.fetch)(request));
  const inner = createFetchClient<Record<string, Record<Method, object>>>({
    baseUrl: baseUrl.replace(/\/+$/, ""),
    pathSerializer: spelled,
  });
  inner.use({
    async onRequest({ request, schemaPath }) {
      if (request.method === "POST" && schemaPath.endsWith("/tasks")) keyed(request.headers);
      const signs = getToken !== undefined && !speech.open.includes(schemaPath);
      const answer = signs ? await sendSigned(request, send, getToken) : await send(request);
      if (answer.status >= 400) throw await errorOf(answer, speech);
      return answer;
    },
  });
  const call =
    (method: Uppercase<Method>): UntypedCall =>
    (path, init) =>
      unlessAborted(async () => {
        // The body is read here, so that one that breaks off is told from a mistake in a caller.
        const { response } = await inner[method](path, { ...init, parseAs: "stream" });
        const data = await dataOf(response);
        return { data, etag: response.headers.get("ETag"), response };
      }, init?.signal);
  const client: UntypedClient = {
    GET: call("GET"),
    POST: call("POST"),
    PUT: call("PUT"),
    PATCH: call("PATCH"),
    DELETE: call("DELETE"),
  };
  return client as unknown as Client<Paths>;
}

function orNetworkError(send: Send): Send {
  return async (request) => {
    // Nothing leaves after an abort, whoever sends.
    request.signal.throwIfAborted();
    try {
      return await send(request);
    } catch (cause) {
      throw new NetworkError("The server was not reached", cause);
    }
  };
}

async function dataOf(response: Response): Promise<unknown> {
  if (response.status === 204 || response.status === 304) return undefined;
  try {
    return await response.json();
  } catch (cause) {
    throw new NetworkError("The answer is not whole", cause);
  }
}

async function errorOf(answer: Response, speech: Speech): Promise<ApiError> {
  // What is no JSON was written by something in between; the status says enough.
  const body: unknown = await answer.json().catch(() => undefined);
  return new ApiError(answer, speech.said(body));
}

/** A retry of the same request carries the same key, so it can't create a second task. */
function keyed(headers: Headers): void {
  if (!headers.has("Idempotency-Key")) headers.set("Idempotency-Key", freshKey());
}

/** Not `randomUUID`, which pages without TLS don't have. */
function freshKey(): string {
  const octets = crypto.getRandomValues(new Uint8Array(16));
  octets[6] = (octets[6]! & 0x0f) | 0x40;
  octets[8] = (octets[8]! & 0x3f) | 0x80;
  const text = Array.from(octets, (octet) => octet.toString(16).padStart(2, "0")).join("");
  return text.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

function spelled(template: string, values: Record<string, unknown>): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => {
    // An id that JavaScript doesn't know yet would be somebody called "undefined".
    const value = String(values[name] ?? "");
    // A URL drops such a segment however it is encoded, and the call would reach another address.
    if (["", ".", ".."].includes(value)) throw new TypeError(`${name} can't be "${value}"`);
    return encodeURIComponent(value);
  });
}
