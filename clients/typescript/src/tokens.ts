/** Why a token is asked for. */
export interface TokenRequest {
  /** The server has refused `refused`: give a new token, not a remembered one. */
  readonly fresh: boolean;
  readonly refused: string | undefined;
  /** Aborted when nobody waits for the token any more. */
  readonly signal: AbortSignal;
}

/** Gives the token of a call, and is asked for each; undefined where nobody is signed in. */
export type TokenProvider = (
  wanted: TokenRequest,
) => string | undefined | Promise<string | undefined>;

/** Sends a request, whatever the status of the answer. */
export type Send = (request: Request) => Promise<Response>;

/**
 * Send with a token, and once more with a fresh one after a 401.
 *
 * A request that brings its own `Authorization` is sent as it is.
 */
export async function sendSigned(
  request: Request,
  send: Send,
  getToken: TokenProvider,
): Promise<Response> {
  if (request.headers.has("Authorization")) return send(request);
  const { signal } = request;
  const ask = (wanted: Omit<TokenRequest, "signal">) =>
    unlessAborted(async () => getToken({ ...wanted, signal }), signal);

  const token = await ask({ fresh: false, refused: undefined });
  // A body can be sent once.
  const spare = request.clone();
  const answer = await send(signed(request, token));
  if (answer.status !== 401) return answer;
  // A body that nobody reads would keep its connection.
  const refusal = new Response(await answer.arrayBuffer().catch(() => null), answer);
  const fresh = await ask({ fresh: true, refused: token });
  return fresh === undefined || fresh === token ? refusal : send(signed(spare, fresh));
}

function signed(request: Request, token: string | undefined): Request {
  if (token !== undefined) request.headers.set("Authorization", `Bearer ${token}`);
  return request;
}

async function unlessAborted<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  return new Promise<T>((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    work()
      .finally(() => signal.removeEventListener("abort", abort))
      .then(resolve, reject);
  });
}
