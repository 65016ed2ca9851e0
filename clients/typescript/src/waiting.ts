import { NetworkError } from "./errors.js";

/**
 * Do the work, but reject with the signal's own reason once it is aborted, whatever the work makes
 * of that: a stream may break off with another error, or somebody's own `fetch` not look.
 */
export async function unlessAborted<T>(
  work: () => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (!signal) return work();
  signal.throwIfAborted();
  return new Promise<T>((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    work()
      .finally(() => signal.removeEventListener("abort", abort))
      .then(resolve, reject);
  });
}

/** Give the work a signal that ends it in time; that it did end so is a `NetworkError`. */
export async function within<T>(
  seconds: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController();
  const late = new DOMException(`There was no answer within ${seconds} s`, "TimeoutError");
  // Not `AbortSignal.timeout`: Node may end while only that is waited for.
  const timer = setTimeout(() => limit.abort(late), seconds * 1000);
  try {
    return await work(limit.signal);
  } catch (error) {
    throw error === late ? new NetworkError(late.message, late) : error;
  } finally {
    clearTimeout(timer);
  }
}
