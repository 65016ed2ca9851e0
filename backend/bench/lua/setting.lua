-- Settings of a run; bench/wrk.py puts them into the environment.

local setting = {}

function setting.text(name)
   return os.getenv(name) or error(name .. " is not set")
end

function setting.number(name)
   return tonumber(setting.text(name)) or error(name .. " is not a number")
end

return setting
