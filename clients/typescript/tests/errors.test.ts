import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { ApiError as AccountsError, createAccountsClient } from "../src/accounts.js";
import { ApiError, createApiClient, NetworkError } from "../src/envelope.js";
import { ApiError as PlainError, createPlainClient } from "../src/plain.js";
import { ApiError as RichError, createRichClient } from "../src/rich.js";
import { json, Server } from "./server.js";

const baseUrl = "http://backend";
const params = { path: { user_id: "alice" } };

async function failure<E extends Error>(
  call: Promise<unknown>,
  kind: { readonly prototype: E; new (...given: never): E },
): Promise<E> {
  const error: unknown = await call.then(
    () => assert.fail("no error"),
    (reason: unknown) => reason,
  );
  if (error instanceof kind) return error;
  throw error;
}

function getTask(reply: Response | Error) {
  return createApiClient({ baseUrl, fetch: new Server(reply).fetch }).getTask("alice", 7);
}

describe("ApiError", () => {
  it("says what envelope says", async () => {
    const details = { field: "title", value: null, constraint: "is required" };
    const code = "VALIDATION_REQUIRED_FIELD";
    const body = { success: false, error: { code, message: "title is required", details } };

    const error = await failure(getTask(json(422, body, { "X-Request-ID": "r-1" })), ApiError);

    assert.equal(error.name, "ApiError");
    assert.equal(error.status, 422);
    assert.equal(error.code, "VALIDATION_REQUIRED_FIELD");
    assert.equal(error.message, "title is required");
    assert.deepEqual(error.details, details);
    assert.equal(error.requestId, "r-1");
    assert.equal(error.retryAfterSeconds, undefined);
  });

  it("says what plain says", async () => {
    const reply = json(404, { detail: "Task with id 7 not found", code: "NOT_FOUND" });
    const client = createPlainClient({ baseUrl, fetch: new Server(reply).fetch });

    const error = await failure(client.GET("/api/{user_id}/tasks", { params }), PlainError);

    assert.equal(error.code, "NOT_FOUND");
    assert.equal(error.message, "Task with id 7 not found");
  });

  it("says what rich says", async () => {
    const body = { detail: "No such task", error_code: "RESOURCE_NOT_FOUND", timestamp: "…" };
    const client = createRichClient({ baseUrl, fetch: new Server(json(404, body)).fetch });

    const error = await failure(client.GET("/api/{user_id}/tasks", { params }), RichError);

    assert.equal(error.code, "RESOURCE_NOT_FOUND");
    assert.equal(error.message, "No such task");
  });

  it("says what accounts says", async () => {
    const errors = [{ field: "email", message: "is not an address", type: "invalid" }];
    const reply = json(422, { detail: "email is not an address", errors });
    const client = createAccountsClient({ baseUrl, fetch: new Server(reply).fetch });
    const body = { email: "ann", password: "three green parrots" };

    const error = await failure(client.POST("/api/auth/signin", { body }), AccountsError);

    assert.equal(error.status, 422);
    assert.equal(error.code, undefined);
    assert.equal(error.message, "email is not an address");
    assert.equal(error.details?.[0]?.field, "email");
  });

  it("is there too when something in between answers", async () => {
    const pages = [
      new Response("<h1>Bad gateway</h1>", { status: 502 }),
      json(502, null),
      json(502, "no"),
      json(502, { success: false, error: { code: 17 } }),
      new Response(null, { status: 502 }),
    ];

    for (const page of pages) {
      const error = await failure(getTask(page), ApiError);

      assert.equal(error.status, 502);
      assert.equal(error.code, undefined);
      assert.equal(error.message, "The server answered 502");
      assert.equal(error.requestId, undefined);
    }
  });

  it("says when to try again", async () => {
    const tomorrow = new Date(Date.now() + 86_400_000).toUTCString();
    const waits = [];

    for (const wait of ["7", "0", "soon", tomorrow, "Thu, 01 Jan 1970 00:00:00 GMT"]) {
      const error = await failure(getTask(json(503, {}, { "Retry-After": wait })), ApiError);
      waits.push(error.retryAfterSeconds);
    }

    const [seven, zero, soon, aDay, past] = waits;
    assert.deepEqual([seven, zero, soon, past], [7, 0, undefined, 0]);
    assert.ok(aDay !== undefined && aDay > 80_000 && aDay <= 86_400);
  });
});

describe("NetworkError", () => {
  it("keeps what fetch said", async () => {
    const refused = new TypeError("fetch failed", { cause: new Error("ECONNREFUSED") });

    const error = await failure(getTask(refused), NetworkError);

    assert.equal(error.name, "NetworkError");
    assert.equal(error.cause, refused);
  });

  it("is an answer that is no JSON, or none at all", async () => {
    for (const page of [new Response("<h1>Sign in to the Wi-Fi</h1>"), new Response("")]) {
      const error = await failure(getTask(page), NetworkError);

      assert.ok(error.cause instanceof SyntaxError);
    }
  });

  it("is an answer that breaks off", async () => {
    const cut = new TypeError("terminated");
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('{"success": true, "da'));
      },
      pull(controller) {
        controller.error(cut);
      },
    });

    const error = await failure(getTask(new Response(body)), NetworkError);

    assert.equal(error.cause, cut);
  });
});
