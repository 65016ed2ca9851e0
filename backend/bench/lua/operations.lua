-- The six calls of every contract, as request texts. wrk.format() builds a header table for
-- every request; these strings cost a tenth of it, and wrk shares the machine with the server.

local setting = require("setting")

local users, paths, heads = {}, {}, {}
local collection, completion = setting.text("BENCH_COLLECTION"), setting.text("BENCH_COMPLETION")
local tasks_per_user = setting.number("BENCH_TASKS_PER_USER")
local delete_next, delete_last, delete_step

local operations = {}

local function message(method, user, path, body)
   local target = method .. " " .. paths[user] .. path .. " HTTP/1.1\r\n" .. heads[user]
   if not body then
      return target .. "\r\n"
   end
   return target .. "Content-Type: application/json\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end

-- Task ids were dealt to the users in turn: user 1 owns 1, 1 + n, 1 + 2n, … of n users.
local function any_task()
   local user = math.random(#users)
   return user, user + #users * math.random(0, tasks_per_user - 1)
end

function operations.list()
   return message("GET", math.random(#users), "?limit=50")
end

function operations.get()
   local user, id = any_task()
   return message("GET", user, string.format("/%d", id))
end

function operations.create()
   local body = string.format(
      '{"title":"Water the plants on balcony %d","description":"Twice a week, and more often in July."}',
      math.random(1000000)
   )
   return message("POST", math.random(#users), "", body)
end

function operations.put()
   local user, id = any_task()
   local body = string.format(
      '{"title":"Return library book %d","description":"The branch closes at six.","completed":%s}',
      math.random(1000000), tostring(math.random(2) == 1)
   )
   return message("PUT", user, string.format("/%d", id), body)
end

-- An empty object toggles, so every request changes its row on either server.
function operations.complete()
   local user, id = any_task()
   return message("PATCH", user, string.format("/%d/%s", id, completion), "{}")
end

function operations.delete()
   local id = delete_next
   delete_next = delete_next + delete_step
   if id > delete_last then
      exhausted = 1
   end
   return message("DELETE", (id - 1) % #users + 1, string.format("/%d", id))
end

-- Reads "<user id> <token>" lines and takes this thread's share of the rows that may be deleted.
function operations.prepare(thread_index, thread_count)
   for line in io.lines(setting.text("BENCH_TOKENS")) do
      local user, token = line:match("^(%S+) (%S+)$")
      users[#users + 1] = user
      paths[#paths + 1] = collection:gsub("{user_id}", (user:gsub("%%", "%%%%")))
      heads[#heads + 1] = "Host: " .. wrk.headers["Host"] .. "\r\nAuthorization: Bearer " .. token .. "\r\n"
   end
   local first = setting.number("BENCH_DELETE_FIRST")
   delete_next = first + thread_index
   delete_last = first + setting.number("BENCH_DELETE_COUNT") - 1
   delete_step = thread_count
end

return operations
