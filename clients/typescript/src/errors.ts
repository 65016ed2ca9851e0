/** What a contract's error body says, as far as it could be read. */
export interface Said<Code, Details> {
  readonly code?: Code | undefined;
  readonly message?: string | undefined;
  readonly details?: Details | undefined;
}

/** An answer with a status of 400 or more. */
export class ApiError<Code = unknown, Details = unknown> extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  /** Undefined where something in between answered. A later backend may send other codes. */
  readonly code: Code | undefined;
  readonly details: Details | undefined;
  /** Names the request in the backend's log: quote it in a report. */
  readonly requestId: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(answer: Pick<Response, "status" | "headers">, said: Said<Code, Details> = {}) {
    super(said.message ?? `The server answered ${answer.status}`);
    this.status = answer.status;
    this.code = said.code;
    this.details = said.details;
    this.requestId = answer.headers.get("X-Request-ID") ?? undefined;
    this.retryAfterSeconds = secondsOf(answer.headers.get("Retry-After"));
  }
}

/** `ApiError` itself, with the types of one contract's errors: `instanceof` narrows to them. */
export interface ErrorClass<Code, Details> {
  readonly prototype: ApiError<Code, Details>;
  new (
    answer: Pick<Response, "status" | "headers">,
    said?: Said<Code, Details>,
  ): ApiError<Code, Details>;
}

/** There was no whole answer: `cause` is what `fetch`, or the parser of the body, said. */
export class NetworkError extends Error {
  override readonly name = "NetworkError";

  constructor(message: string, cause: unknown) {
    super(message, { cause });
  }
}

/** Read an object whose shape nobody has vouched for; what is none has no members. */
export function membersOf(value: unknown): { readonly [name: string]: unknown } {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

export function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function secondsOf(header: string | null): number | undefined {
  if (header === null) return undefined;
  // A proxy may give a date.
  const seconds = /^\d+$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.max(0, Math.ceil(seconds));
}
