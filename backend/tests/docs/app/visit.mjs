// Somebody at the page of PAGE who signs up, and does in turn what the rest of the words say.
import { cookies, openPage } from "./browser.mjs";

// Where the README has the backend.
openPage(process.env.PAGE, { "http://localhost:8000": process.env.NEXT_PUBLIC_TODO_API });
const { authClient } = await import("@/lib/auth-client");
const { tasksOf } = await import("@/lib/tasks");
const { listTasks } = await import("@/lib/list-tasks");
const { pendingTasks } = await import("@/lib/pending-tasks");
const { listTasksByCookie } = await import("@/lib/list-tasks-by-cookie");

const person = { email: `ann-${crypto.randomUUID()}@example.com`, password: crypto.randomUUID() };
const { data } = await authClient.signUp.email({ ...person, name: "Ann" });
const userId = data.user.id;
const tasks = tasksOf(userId);

const DEEDS = {
  async live() {
    const { data: milk } = await tasks.createTask({ title: "Buy milk" });
    const { data: rent } = await tasks.createTask({ title: "Pay rent" });
    await tasks.updateTaskCompletion(rent.id, true);
    await tasks.deleteTask(milk.id);
    const { etag } = await tasks.getTask(rent.id);
    return { tasks: (await tasks.getTasks()).data.tasks, etag };
  },
  fetch: () => listTasks(userId),
  readme: () => pendingTasks(userId),
  cookie: () => listTasksByCookie(userId),
  stranger: () => listTasks("somebody-else"),
  async signed() {
    const { token } = await (await fetch("/api/token")).json();
    const path = `${process.env.NEXT_PUBLIC_TODO_API}/api/${userId}/tasks`;
    return (await fetch(path, { headers: { Authorization: `Bearer ${token}` } })).status;
  },
  token: async () => (await authClient.token()).data.token,
  async leave() {
    await authClient.signOut();
    return [Object.keys(cookies()), (await authClient.token()).error.status];
  },
};

const done = { userId };
for (const deed of process.argv.slice(2)) {
  done[deed] = await DEEDS[deed]().catch((error) => ({ error: error.message }));
}
console.log(JSON.stringify(done));
process.exit();
