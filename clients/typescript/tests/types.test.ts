import assert from "node:assert/strict";
import { it } from "node:test";

import { ApiError as AccountsError, createAccountsClient } from "../src/accounts.js";
import { ApiError, createApiClient, createEnvelopeClient } from "../src/envelope.js";
import type { CreateTaskRequest, Task, TaskFilters, UpdateTaskRequest } from "../src/envelope.js";
import { ApiError as PlainError, createPlainClient } from "../src/plain.js";
import { ApiError as RichError, createRichClient } from "../src/rich.js";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2
  ? true
  : false;
const isTrue = <_ extends true>() => {};

/** What a front end of the envelope contract calls. */
interface FrontEnd {
  getTasks(
    userId: string,
    filters?: TaskFilters,
  ): Promise<{ success: boolean; data: { tasks: Omit<Task, "user_id">[]; total: number } }>;
  createTask(userId: string, task: CreateTaskRequest): Promise<{ data: Task; message: string }>;
  getTask(userId: string, taskId: number): Promise<{ data: Task; message: string }>;
  updateTask(userId: string, taskId: number, task: UpdateTaskRequest): Promise<{ data: Task }>;
  deleteTask(userId: string, taskId: number): Promise<{ success: boolean; message: string }>;
  updateTaskCompletion(userId: string, taskId: number, done: boolean): Promise<{ data: Task }>;
}

const options = { baseUrl: "http://backend", getToken: async () => "a-token" };

/** Never run: the compiler is what tests it. */
export async function compiled(error: unknown): Promise<void> {
  const api: FrontEnd = createApiClient(options);
  await api.getTasks("alice", { status: "pending", limit: 20, offset: 0 });
  // @ts-expect-error no such status
  await api.getTasks("alice", { status: "open" });
  // @ts-expect-error a form has a title
  await api.updateTask("alice", 7, { completed: true });
  // @ts-expect-error undefined would be no condition
  await createApiClient(options).deleteTask("alice", 7, { ifMatch: undefined });

  if (error instanceof ApiError) {
    isTrue<Same<typeof error.details, ApiError["details"]>>();
    // @ts-expect-error no such code
    error.code === "NOT_FOUND";
    error.code === "AUTH_EXPIRED_TOKEN";
  }
  if (error instanceof PlainError) error.code === "NOT_FOUND";
  if (error instanceof RichError) error.code === "AUTH_EXPIRED_TOKEN";
  if (error instanceof AccountsError) {
    isTrue<Same<typeof error.code, undefined>>();
    error.details?.map(({ field, message }) => `${field} ${message}`);
  }

  const plain = createPlainClient(options);
  const params = { path: { user_id: "alice" } };
  const list = await plain.GET("/api/{user_id}/tasks", { params });
  isTrue<Same<typeof list.data.count, number>>();
  // @ts-expect-error the path has a user
  await plain.GET("/api/{user_id}/tasks");
  // @ts-expect-error no such path
  await plain.GET("/api/{user_id}/lists", { params });
  // @ts-expect-error nothing is created there
  await plain.POST("/api/{user_id}/tasks/{task_id}", { params });
  const path = { user_id: "alice", task_id: 7 };
  const gone = await plain.DELETE("/api/{user_id}/tasks/{task_id}", { params: { path } });
  isTrue<Same<typeof gone.data, undefined>>();

  const envelope = createEnvelopeClient(options);
  const header = { "If-None-Match": 'W/"e-1"' };
  const polled = await envelope.GET("/api/{user_id}/tasks", { params: { ...params, header } });
  // @ts-expect-error there may be nothing new
  polled.data.success;
  isTrue<Same<undefined extends typeof polled.data ? true : false, true>>();

  const rich = createRichClient(options);
  // @ts-expect-error a due date is text
  await rich.POST("/api/{user_id}/tasks", { params, body: { title: "Buy milk", due_date: 5 } });
  const query = { sort: "-due_date", priority: ["high", "low"], overdue: true } as const;
  await rich.GET("/api/{user_id}/tasks", {
    params: { ...params, query: { ...query, priority: [...query.priority] } },
  });

  const accounts = createAccountsClient({ baseUrl: "" });
  const { data: tasks } = await accounts.GET("/api/tasks");
  tasks.map((task) => task.title.toUpperCase());
  await accounts.POST("/api/auth/signout");
  // @ts-expect-error a password is needed
  await accounts.POST("/api/auth/signin", { body: { email: "ann@example.com" } });
}

it("is one class, whatever the contract", () => {
  assert.equal(ApiError, PlainError);
  assert.equal(ApiError, RichError);
  assert.equal(ApiError, AccountsError);
});
