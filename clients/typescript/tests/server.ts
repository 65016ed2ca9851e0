/** A stand-in for the server: it keeps each request, and answers what the test has lined up. */
export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: string;
}

type Reply = Response | Error | ((request: Request) => Promise<Response>);

export class Server {
  readonly received: Received[] = [];
  readonly #replies: Reply[];

  constructor(...replies: Reply[]) {
    this.#replies = replies;
  }

  readonly fetch = async (request: Request): Promise<Response> => {
    const { method, url, headers } = request;
    // Of the original, as `fetch` does: a request that is sent twice fails here as well.
    this.received.push({ method, url, headers: new Headers(headers), body: await request.text() });
    const reply = this.#replies.shift();
    if (reply === undefined) throw new Error("The test has no more answers");
    if (reply instanceof Error) throw reply;
    return reply instanceof Response ? reply : reply(request);
  };

  /** The tokens that came, null for none. */
  get tokens(): (string | null)[] {
    return this.received.map(({ headers }) => headers.get("Authorization"));
  }
}

export function json(status: number, body: unknown, headers?: Record<string, string>): Response {
  return Response.json(body, { status, headers: headers ?? {} });
}

export const TASK = {
  id: 7,
  title: "Buy milk",
  description: null,
  completed: false,
  user_id: "alice",
  created_at: "2026-01-09T10:00:00.123456Z",
  updated_at: "2026-01-09T10:00:00.123456Z",
};

export const one = () =>
  json(200, { success: true, data: TASK, message: "…" }, { ETag: '"e-1"' });

export const refused = (code = "AUTH_EXPIRED_TOKEN") =>
  json(401, { success: false, error: { code, message: "The token has expired" } });

/** Answers when the request is aborted, as `fetch` does. */
export const never = (request: Request) =>
  new Promise<Response>((_, reject) => {
    const abort = () => reject(request.signal.reason);
    if (request.signal.aborted) abort();
    request.signal.addEventListener("abort", abort);
  });
