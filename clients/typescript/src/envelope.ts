import { createClient, UTILITY } from "./client.js";
import type { Answer, Client, ClientOptions } from "./client.js";
import * as errors from "./errors.js";
import type { components, operations, paths } from "./generated/envelope.js";

export type { Answer, CallInit, Client, ClientOptions } from "./client.js";
export { NetworkError } from "./errors.js";
export type { Send, TokenProvider, TokenRequest } from "./tokens.js";
export type { components, operations, paths } from "./generated/envelope.js";

type Schemas = components["schemas"];
export type Task = Schemas["Task"];
export type TaskItem = Schemas["TaskItem"];
export type TaskFilters = NonNullable<operations["listTasks"]["parameters"]["query"]>;
export type CreateTaskRequest = Schemas["CreateTask"];
export type UpdateTaskRequest = Schemas["UpdateTask"];
export type ErrorCode = Schemas["Error"]["code"];
export type ErrorDetails = Schemas["Details"];

export type ApiError = errors.ApiError<ErrorCode, ErrorDetails>;
export const ApiError: errors.ErrorClass<ErrorCode, ErrorDetails> = errors.ApiError;

/** A good answer's body. */
export interface ApiResponse<Data = null> {
  readonly success: true;
  readonly data: Data;
  readonly message: string;
}
/** With the version of what it holds; null where a proxy took the `ETag` away. */
export interface Versioned {
  readonly etag: string | null;
}
export type TaskResponse = ApiResponse<Task> & Versioned;
export type TaskListResponse = ApiResponse<Schemas["TaskList"]> & Versioned;

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}
export interface CreateOptions extends CallOptions {
  /** Names this task for a retry of your own; by default every call makes one for itself. */
  readonly idempotencyKey?: string;
}
export interface ChangeOptions extends CallOptions {
  /**
   * Change the task only if this `etag` is still its version; otherwise 412, `RESOURCE_CONFLICT`.
   * Null is refused: it would change the task whatever its version.
   */
  readonly ifMatch?: string | null;
}

/** The calls of the contract. All reject with `ApiError`, `NetworkError` or an abort's reason. */
export interface ApiClient {
  getTasks(
    userId: string,
    filters?: TaskFilters,
    options?: CallOptions,
  ): Promise<TaskListResponse>;
  createTask(
    userId: string,
    taskData: CreateTaskRequest,
    options?: CreateOptions,
  ): Promise<TaskResponse>;
  getTask(userId: string, taskId: number, options?: CallOptions): Promise<TaskResponse>;
  updateTask(
    userId: string,
    taskId: number,
    taskData: UpdateTaskRequest,
    options?: ChangeOptions,
  ): Promise<TaskResponse>;
  deleteTask(userId: string, taskId: number, options?: ChangeOptions): Promise<ApiResponse>;
  updateTaskCompletion(
    userId: string,
    taskId: number,
    completed: boolean,
    options?: ChangeOptions,
  ): Promise<TaskResponse>;
}

type WithoutUser<Call> = Call extends (userId: string, ...rest: infer Rest) => infer Result
  ? (...rest: Rest) => Result
  : never;
/** The same calls, of a user who has been named once. */
export type UserApiClient = { readonly [Name in keyof ApiClient]: WithoutUser<ApiClient[Name]> };

/** Every call of the contract as its path has it. */
export function createEnvelopeClient(options: ClientOptions): Client<paths> {
  return createClient<paths>(options, { said, open: UTILITY });
}

const TASKS = "/api/{user_id}/tasks";
const TASK = `${TASKS}/{id}` as const;

export function createApiClient(options: ClientOptions): ApiClient {
  const client = createEnvelopeClient(options);
  return {
    async getTasks(userId, filters = {}, { signal } = {}) {
      const params = { path: { user_id: userId }, query: filters };
      return versioned(await client.GET(TASKS, { params, signal }));
    },
    async createTask(userId, taskData, { idempotencyKey, signal } = {}) {
      const params = { path: { user_id: userId } };
      const headers = idempotencyKey === undefined ? {} : { "Idempotency-Key": idempotencyKey };
      return versioned(await client.POST(TASKS, { params, body: taskData, headers, signal }));
    },
    async getTask(userId, id, { signal } = {}) {
      const params = { path: { user_id: userId, id } };
      return versioned(await client.GET(TASK, { params, signal }));
    },
    async updateTask(userId, id, taskData, { ifMatch, signal } = {}) {
      const params = { path: { user_id: userId, id }, header: condition(ifMatch) };
      return versioned(await client.PUT(TASK, { params, body: taskData, signal }));
    },
    async deleteTask(userId, id, { ifMatch, signal } = {}) {
      const params = { path: { user_id: userId, id }, header: condition(ifMatch) };
      return (await client.DELETE(TASK, { params, signal })).data;
    },
    async updateTaskCompletion(userId, id, completed, { ifMatch, signal } = {}) {
      const params = { path: { user_id: userId, id }, header: condition(ifMatch) };
      const body = { completed };
      return versioned(await client.PATCH(`${TASK}/complete`, { params, body, signal }));
    },
  };
}

/** Name the user once: an id, or a function that is asked for it with each call. */
export function forUser(
  api: ApiClient,
  user: string | (() => string | Promise<string>),
): UserApiClient {
  const id = async () => (typeof user === "function" ? user() : user);
  return {
    getTasks: async (...rest) => api.getTasks(await id(), ...rest),
    createTask: async (...rest) => api.createTask(await id(), ...rest),
    getTask: async (...rest) => api.getTask(await id(), ...rest),
    updateTask: async (...rest) => api.updateTask(await id(), ...rest),
    deleteTask: async (...rest) => api.deleteTask(await id(), ...rest),
    updateTaskCompletion: async (...rest) => api.updateTaskCompletion(await id(), ...rest),
  };
}

function versioned<Data extends object>({ data, etag }: Answer<Data>): Data & Versioned {
  return { ...data, etag };
}

function condition(ifMatch: string | null | undefined): { "If-Match"?: string } {
  if (ifMatch === null) throw new TypeError("ifMatch is null: the answer had no ETag");
  return ifMatch === undefined ? {} : { "If-Match": ifMatch };
}

function said(body: unknown): errors.Said<unknown, unknown> {
  const { code, message, details } = errors.membersOf(errors.membersOf(body)["error"]);
  return { code: errors.textOf(code), message: errors.textOf(message), details };
}
