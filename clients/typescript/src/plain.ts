import { createClient, UTILITY } from "./client.js";
import type { Client, ClientOptions } from "./client.js";
import * as errors from "./errors.js";
import type { components, paths } from "./generated/plain.js";

export type { Answer, CallInit, Client, ClientOptions } from "./client.js";
export { NetworkError } from "./errors.js";
export type { Send, TokenProvider, TokenRequest } from "./tokens.js";
export type { components, operations, paths } from "./generated/plain.js";

type Schemas = components["schemas"];
export type Task = Schemas["Task"];
export type ErrorCode = Schemas["Failure"]["code"];

export type ApiError = errors.ApiError<ErrorCode, undefined>;
export const ApiError: errors.ErrorClass<ErrorCode, undefined> = errors.ApiError;

export function createPlainClient(options: ClientOptions): Client<paths> {
  return createClient<paths>(options, { said, open: UTILITY });
}

function said(body: unknown): errors.Said<string, undefined> {
  const { code, detail } = errors.membersOf(body);
  return { code: errors.textOf(code), message: errors.textOf(detail) };
}
