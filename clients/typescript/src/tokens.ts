/** Why a token is asked for. */
export interface TokenRequest {
  /** The server has refused `refused`: give a new token, not a remembered one. */
  readonly fresh: boolean;
  readonly refused: string | undefined;
  /** Aborted when nobody waits for the token any more. */
  readonly signal: AbortSignal;
}

/** What a provider may find; where nobody is signed in it gives undefined, null or "". */
type Found = string | null | undefined;

/** Gives the token of a call, and is asked for each; without a token the call goes out bare. */
export type TokenProvider = (wanted: TokenRequest) => Found | Promise<Found>;

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
  const ask = async (wanted: Omit<TokenRequest, "signal">) => {
    signal.throwIfAborted();
    return (await getToken({ ...wanted, signal })) || undefined;
  };

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
