import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { env } from "node:process";
import { describe, it } from "node:test";

import { createAccountsClient, refreshingTokens } from "../src/accounts.js";
import type { Tokens } from "../src/accounts.js";
import { createApiClient, createEnvelopeClient, forUser } from "../src/envelope.js";
import { createPlainClient } from "../src/plain.js";
import { createRichClient } from "../src/rich.js";

/** A server of each contract, and somebody without tasks who has a token for it. */
type Backends = Record<
  "envelope" | "plain" | "rich" | "accounts",
  { url: string; userId: string; token: string }
>;

const backends: Backends | undefined = env["TODO_BACKENDS"] && JSON.parse(env["TODO_BACKENDS"]);
const skip = backends === undefined && "TODO_BACKENDS is not set: backend/tests/clients sets it";
const at = (contract: keyof Backends) => {
  assert.ok(backends);
  const { url, userId, token } = backends[contract];
  return { options: { baseUrl: url, getToken: () => token }, userId };
};

describe("a server of envelope", { skip }, () => {
  it("serves the life of a task", async () => {
    const { options, userId } = at("envelope");
    const tasks = forUser(createApiClient(options), userId);

    const created = await tasks.createTask({ title: "Buy milk", description: "Two bottles" });
    const { id } = created.data;
    assert.equal(created.data.user_id, userId);
    const read = await tasks.getTask(id);
    assert.equal(read.etag, created.etag);
    const ifMatch = read.etag;
    const updated = await tasks.updateTask(id, { title: "Buy oat milk" }, { ifMatch });
    assert.equal(updated.data.title, "Buy oat milk");
    assert.equal(updated.data.description, "Two bottles");
    const late = tasks.updateTask(id, { title: "Buy soy milk" }, { ifMatch });
    await assert.rejects(late, { status: 412, code: "RESOURCE_CONFLICT" });
    const done = await tasks.updateTaskCompletion(id, true);
    assert.equal(done.data.completed, true);
    const { data: list } = await tasks.getTasks({ status: "completed", limit: 1, offset: 0 });
    assert.deepEqual([list.total, list.page, list.limit, list.tasks[0]?.id], [1, 1, 1, id]);
    assert.equal((await tasks.getTasks({ status: "pending" })).data.total, 0);
    assert.equal((await tasks.deleteTask(id)).data, null);

    await assert.rejects(tasks.getTask(id), { status: 404, code: "RESOURCE_NOT_FOUND" });
  });

  it("refuses in its own words", async () => {
    const { options, userId } = at("envelope");
    const api = createApiClient(options);

    await assert.rejects(api.getTasks(`${userId}x`), { status: 403, code: "AUTH_USER_MISMATCH" });
    const untitled = api.createTask(userId, { title: " " });
    await assert.rejects(untitled, (error: { requestId: string; details: { field: string } }) => {
      assert.match(error.requestId, /^[\w.-]+$/);
      assert.equal(error.details.field, "title");
      return true;
    });
  });

  it("takes a fresh token for one that it refused", async () => {
    const { options, userId } = at("envelope");
    const wishes: boolean[] = [];
    const getToken = ({ fresh }: { fresh: boolean }) => {
      wishes.push(fresh);
      return fresh ? options.getToken() : "old";
    };

    const created = await createApiClient({ ...options, getToken }).createTask(userId, {
      title: "Buy milk",
    });

    assert.equal(created.data.title, "Buy milk");
    assert.deepEqual(wishes, [false, true]);
    const always = createApiClient({ ...options, getToken: () => "old" });
    await assert.rejects(always.getTasks(userId), { status: 401, code: "AUTH_INVALID_TOKEN" });
  });

  it("says that nothing is new", async () => {
    const { options, userId } = at("envelope");
    const client = createEnvelopeClient(options);
    const path = { user_id: userId };
    const first = await client.GET("/api/{user_id}/tasks", { params: { path } });

    const header = { "If-None-Match": String(first.etag) };
    const again = await client.GET("/api/{user_id}/tasks", { params: { path, header } });

    assert.equal(again.response.status, 304);
    assert.equal(again.data, undefined);
    assert.equal(again.etag, first.etag);
  });
});

describe("a server of plain", { skip }, () => {
  it("serves the life of a task", async () => {
    const { options, userId } = at("plain");
    const client = createPlainClient(options);
    const path = { user_id: userId };

    const body = { title: "Buy milk" };
    const { data: task } = await client.POST("/api/{user_id}/tasks", { params: { path }, body });
    const one = { params: { path: { ...path, task_id: task.id } } };
    const done = await client.PATCH("/api/{user_id}/tasks/{task_id}/complete", one);
    assert.equal(done.data.completed, true);
    const query = { sort: "title" } as const;
    const list = await client.GET("/api/{user_id}/tasks", { params: { path, query } });
    assert.deepEqual([list.data.count, list.data.tasks[0]?.title], [1, "Buy milk"]);
    const gone = await client.DELETE("/api/{user_id}/tasks/{task_id}", one);
    assert.equal(gone.response.status, 204);

    const missing = client.GET("/api/{user_id}/tasks/{task_id}", one);
    await assert.rejects(missing, { status: 404, code: "NOT_FOUND" });
  });
});

describe("a server of rich", { skip }, () => {
  it("serves filters and cursors", async () => {
    const { options, userId } = at("rich");
    const client = createRichClient(options);
    const path = { user_id: userId };

    for (const [title, priority] of [["Pay rent", "high"], ["Buy milk", "low"]] as const) {
      const body = { title, priority, due_date: "2026-01-05T18:00:00+01:00" };
      const { data } = await client.POST("/api/{user_id}/tasks", { params: { path }, body });
      assert.equal(data.due_date, "2026-01-05T17:00:00Z");
    }
    const query = { sort: "-priority", limit: 1, overdue: true } as const;
    const first = await client.GET("/api/{user_id}/tasks", { params: { path, query } });
    const cursor = String(first.data.next_cursor);
    const params = { path, query: { ...query, cursor } };
    const second = await client.GET("/api/{user_id}/tasks", { params });

    const titles = [...first.data.tasks, ...second.data.tasks].map(({ title }) => title);
    assert.deepEqual(titles, ["Pay rent", "Buy milk"]);
    assert.equal(second.data.next_cursor, null);
    const broken = client.GET("/api/{user_id}/tasks", { params: { path, query: { cursor: "x" } } });
    await assert.rejects(broken, { status: 400, code: "VALIDATION_INVALID_FORMAT" });
  });
});

describe("a server of accounts", { skip }, () => {
  it("signs up, refreshes once, and signs out", async () => {
    const { baseUrl } = at("accounts").options;
    let tokens: Tokens | undefined;
    let refreshes = -1;
    const load = () => tokens;
    const save = (next: Tokens | undefined) => {
      tokens = next;
      refreshes += 1;
    };
    const client = createAccountsClient({
      baseUrl,
      getToken: refreshingTokens({ baseUrl, load, save }),
    });

    const email = `ann-${randomUUID()}@example.com`;
    const person = { email, password: `three green parrots ${randomUUID()}`, name: "Ann" };
    const signedUp = await client.POST("/api/auth/signup", { body: person });
    save({ ...signedUp.data, access_token: "old" });
    const [created] = await Promise.all([
      client.POST("/api/tasks", { body: { title: "Buy milk" } }),
      client.GET("/api/tasks"),
    ]);
    const { data: list } = await client.GET("/api/tasks");
    assert.deepEqual(list, [created.data]);
    assert.equal(created.data.user_id, signedUp.data.user.id);
    assert.equal(refreshes, 1);
    await client.POST("/api/auth/signout");

    await assert.rejects(client.GET("/api/tasks"), { name: "ApiError", status: 401 });
    assert.equal(tokens, undefined);
  });

  it("keeps the session when the answer to a refresh never arrives", async () => {
    const { baseUrl } = at("accounts").options;
    const email = `ann-${randomUUID()}@example.com`;
    const person = { email, password: `three green parrots ${randomUUID()}`, name: "Ann" };
    const signedUp = await createAccountsClient({ baseUrl }).POST("/api/auth/signup", {
      body: person,
    });
    let tokens: Tokens | undefined = { ...signedUp.data, access_token: "old" };
    const load = () => tokens;
    const save = (next: Tokens | undefined) => void (tokens = next);
    const lost: Tokens[] = [];
    const losing = async (request: Request) => {
      const answer = await fetch(request);
      if (lost.length > 0) return answer;
      lost.push(await answer.json());
      return new Promise<Response>(() => {});
    };
    const getToken = refreshingTokens({ baseUrl, fetch: losing, load, save, timeoutSeconds: 5 });
    const client = createAccountsClient({ baseUrl, getToken });

    const { data } = await client.GET("/api/tasks");

    assert.deepEqual(data, []);
    assert.equal(tokens?.refresh_token, lost[0]?.refresh_token);
    assert.notEqual(tokens?.refresh_token, signedUp.data.refresh_token);
  });

  it("names every field that breaks a rule", async () => {
    const client = createAccountsClient({ baseUrl: at("accounts").options.baseUrl });
    const body = { email: "ann", password: "short", name: "Ann" };

    const call = client.POST("/api/auth/signup", { body });

    await assert.rejects(call, (error: { status: number; details: { field: string }[] }) => {
      assert.equal(error.status, 422);
      assert.deepEqual(error.details.map(({ field }) => field).sort(), ["email", "password"]);
      return true;
    });
  });
});
