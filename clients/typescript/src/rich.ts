import { createClient, UTILITY } from "./client.js";
import type { Client, ClientOptions } from "./client.js";
import * as errors from "./errors.js";
import type { components, paths } from "./generated/rich.js";

export type { Answer, CallInit, Client, ClientOptions } from "./client.js";
export { NetworkError } from "./errors.js";
export type { Send, TokenProvider, TokenRequest } from "./tokens.js";
export type { components, operations, paths } from "./generated/rich.js";

type Schemas = components["schemas"];
export type Task = Schemas["Task"];
export type ErrorCode = Schemas["Failure"]["error_code"];

export type ApiError = errors.ApiError<ErrorCode, undefined>;
export const ApiError: errors.ErrorClass<ErrorCode, undefined> = errors.ApiError;

export function createRichClient(options: ClientOptions): Client<paths> {
  return createClient<paths>(options, { said, open: UTILITY });
}

function said(body: unknown): errors.Said<string, undefined> {
  const { error_code, detail } = errors.membersOf(body);
  return { code: errors.textOf(error_code), message: errors.textOf(detail) };
}
