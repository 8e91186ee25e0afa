-- The Lua that scripts see on a simulated TSP instrument, and the walls around it.
--
-- Scripts come from the network. They run in an environment of their own, which holds the instrument's object tree and
-- the harmless part of Lua. No wall depends on a script's good will:
--   * a hook stops a script that runs too long; pcall cannot catch that, and there are no coroutines to escape into;
--   * the allocator's hard limit is three times the soft one that is kept here, so that there is always room for what
--     comes back from Python (an allocation that fails between Lua and Python would take the whole process down);
--   * only numbers, booleans, strings and nil ever cross into Python; tables go as marks, and Python objects never come.
-- lupa looks up a global of the true globals in unprotected mode: scripts must never get hold of those.

local host, soft_kilobytes, most_instructions, most_seconds = ...

local error, pcall, select, type, tostring, next, pairs = error, pcall, select, type, tostring, next, pairs
local rawget, rawset, setfenv, setmetatable, unpack = rawget, rawset, setfenv, setmetatable, unpack
local loadstring, collectgarbage, sethook, clock = loadstring, collectgarbage, debug.sethook, os.clock
local metatable_of = debug.getmetatable -- also of what says __metatable
local byte, find, format, gmatch, gsub = string.byte, string.find, string.format, string.gmatch, string.gsub
local match, rep = string.match, string.rep
local concat, insert, remove, sort, maxn = table.concat, table.insert, table.remove, table.sort, table.maxn

local PRINT, LIST, KEEP, SWEEP, MEMBER = 0, 1, 2, 3, 4 -- Python's own numbers for these
local STEP = 200 -- instructions between two looks of the hook
local MOST_ARGUMENTS = 100
local MOST_STEPS_OF_A_PATTERN = 1e9 -- half a second or less
local MOST_UNSWEPT = 200 -- instances made before Python hears which of them are gone
local MOST_REPEATED = 4e6

---------------------------------------------------------------------------------------------------- limits

local left, deadline, expired, in_script = 0, 0, nil, false

local function expire(reason)
  expired = expired or reason
  error(expired, 0)
end

local function spend(steps)
  left = left - steps
  if left < 0 then expire(format("the script was stopped after %.0f instructions", most_instructions)) end
end

local function check_memory()
  if collectgarbage("count") > soft_kilobytes then
    collectgarbage("collect")
    if collectgarbage("count") > soft_kilobytes then expire("not enough memory") end
  end
end

local function look()
  if clock() > deadline then expire(format("the script was stopped after %g s of computing", most_seconds)) end
end

local function watch()
  if not in_script then return end -- between the end of a script and the moment when its hook is gone
  spend(STEP)
  look()
  check_memory()
end

-- What takes long inside C or Python is looked at before each time: two hundred of them are too many for the hook.
local function costs(steps)
  spend(steps)
  look()
end

---------------------------------------------------------------------------------------------------- to Python

local refs = setmetatable({}, { __mode = "k" }) -- object -> its mark for Python

local function checked(problem, ...)
  if problem then error(problem, 0) end
  return ...
end

local function outward(...)
  costs(20)
  check_memory()
  return checked(host(...))
end

local function listed(values) -- the elements of a plain table, fifty at a time, and then its mark
  local number = outward(LIST)
  local length = #values
  for first = 1, length, 50 do
    local part = {}
    for index = first, (first + 49 < length) and first + 49 or length do
      local value = rawget(values, index)
      local kind = type(value)
      part[#part + 1] = (kind == "number" or kind == "string" or kind == "boolean") and value or "\0" .. kind
    end
    outward(LIST, number, unpack(part))
  end
  return "\0list:" .. format("%d", number)
end

local function plain(value)
  local kind = type(value)
  if kind == "nil" or kind == "number" or kind == "string" or kind == "boolean" then return value end
  if refs[value] then return refs[value] end
  if kind == "table" then return listed(value) end
  return "\0" .. kind
end

local function all_plain(count, first, ...)
  if count == 0 then return end
  return plain(first), all_plain(count - 1, ...)
end

local function callable(id)
  return function(...)
    local count = select("#", ...)
    if count == 0 then return outward(id) end
    if count > MOST_ARGUMENTS then error("too many arguments", 2) end
    return outward(id, all_plain(count, ...))
  end
end

---------------------------------------------------------------------------------------------------- objects

local function object(luatype, item)
  local getters, setters, objects = {}, {}, {}
  local self = {}
  refs[self] = "\0object"
  setmetatable(self, {
    Getters = getters, Setters = setters, Objects = objects, luatype = luatype,
    __metatable = false, -- a script that changed it would have no such object until the power is cycled
    __index = function(_, key)
      local get = getters[key]
      if get then return get() end
      local value = objects[key]
      if value == nil and item and type(key) == "number" then return item(key) end
      return value
    end,
    __newindex = function(_, key, value)
      local set = setters[key]
      if set then
        set(value)
      elseif getters[key] or objects[key] ~= nil then
        error("attempt to assign to `" .. tostring(key) .. "' (read-only)", 2)
      else
        error("attempt to assign to `" .. tostring(key) .. "' (no such attribute)", 2)
      end
    end,
  })
  return self, getters, setters, objects
end

local classes = {} -- name -> members
local made = setmetatable({}, { __mode = "k" }) -- instances that scripts made -> their number

-- An instance is known to Python by a number; every use of a member goes there with number and name.
local function instance(class, number)
  local members = classes[class]
  local function use(kind, name)
    return function(...)
      local count = select("#", ...)
      if count > MOST_ARGUMENTS then error("too many arguments", 2) end
      return outward(MEMBER, kind, number, name, all_plain(count, ...))
    end
  end
  local self, getters, setters, objects = object(class, use("item", "readings"))
  refs[self] = "\0ref:" .. format("%d", number) .. ":readings"
  for name, kind in pairs(members) do
    if kind == "function" then
      objects[name] = use("call", name)
    elseif kind == "column" then
      local read = use("item", name)
      local column, _, _, inner = object("synchronous_table", function(index) return self and read(index) end)
      inner.getreading = function(index) return self and read(index) end
      refs[column] = "\0ref:" .. format("%d", number) .. ":" .. name
      objects[name] = column
    else
      getters[name] = use("get", name)
      if kind == "setting" then setters[name] = use("set", name) end
    end
  end
  return self
end

local unswept = 0

local function sweep() -- Python forgets the instances that no script knows any more
  unswept = 0
  costs(1000)
  collectgarbage("collect")
  for _, number in next, made do outward(KEEP, number) end
  outward(SWEEP)
end

local function maker(id, class)
  local call = callable(id)
  return function(...)
    unswept = unswept + 1
    if unswept > MOST_UNSWEPT then sweep() end
    local number = call(...)
    if number == false then -- there is no room for it, but perhaps after a sweep
      sweep()
      number = call(...)
    end
    if not number then return nil end
    local self = instance(class, number)
    made[self] = number
    return self
  end
end

---------------------------------------------------------------------------------------------------- the scripts' Lua

local env = {}
env._G = env
env._VERSION = "Lua 5.0.2" -- what the real ones say [MEM]; here it is 5.1, whose extras are harmless

for _, name in pairs({ "assert", "error", "next", "pairs", "ipairs", "rawequal", "rawget", "rawset", "select",
                       "setmetatable", "tonumber", "tostring", "type", "unpack" }) do
  env[name] = _G[name]
end

local function copied(values)
  local copy = {}
  for key, value in next, values do copy[key] = value end
  return copy
end

local sealed = false -- factory scripts, which come first, may add to objects

function env.getmetatable(value) -- of an object: a copy, in which scripts look for the names that there are
  if refs[value] == nil then return getmetatable(value) end
  if not sealed then return metatable_of(value) end
  costs(100)
  local meta = metatable_of(value)
  return { Getters = copied(meta.Getters), Setters = copied(meta.Setters), Objects = copied(meta.Objects),
           luatype = meta.luatype }
end

local function after_pcall(ok, ...)
  if expired then error(expired, 0) end
  return ok, ...
end

function env.pcall(...) return after_pcall(pcall(...)) end

function env.xpcall(body, handler) -- not Lua's own: its handler runs where no hook can stop it
  local function passed(ok, ...)
    if ok then return true, ... end
    return false, handler(...)
  end
  return passed(after_pcall(pcall(body)))
end

local function load(text, name)
  if type(text) ~= "string" then return nil, "bad argument #1 to `loadstring' (string expected)" end
  if byte(text) == 27 then return nil, "precompiled chunks are not taken" end -- they could crash the interpreter
  if in_script then costs(100 + 10 * #text) end
  local body, problem = loadstring(text, name or "=tsp")
  if body then setfenv(body, env) end
  return body, problem
end

function env.loadstring(text) return load(text) end

function env.collectgarbage(what)
  if what == "count" then return collectgarbage("count") end
  costs(1000)
  collectgarbage("collect")
  return 0
end

function env.gcinfo() return collectgarbage("count"), soft_kilobytes end

local numbers = "%.5e"

local function shown(value)
  if type(value) == "number" then return format(numbers, value) end
  return tostring(value)
end

function env.print(...)
  local parts = {}
  for index = 1, select("#", ...) do parts[index] = shown((select(index, ...))) end
  outward(PRINT, concat(parts, "\t"))
end

-- Strings. Patterns can take exponential time inside C, where no hook looks: the worst case is bounded beforehand.
local function simple(subject, pattern)
  costs(10)
  local _, repeats = gsub(pattern, "[%*%+%-%?]", "")
  local _, walks = gsub(pattern, "%%[b%d]", "") -- %b() walks along the subject, and so does %1 along what it repeats
  if #pattern * (#subject + 1) ^ (repeats + walks + 1) > MOST_STEPS_OF_A_PATTERN or #pattern > 500 then
    error("pattern too complex for a string of this length", 3)
  end
end

local strings = {}
for _, name in pairs({ "byte", "char", "format", "len", "lower", "reverse", "sub", "upper" }) do
  strings[name] = string[name]
end
local function guarded(search)
  return function(subject, pattern, ...)
    simple(tostring(subject), tostring(pattern))
    return search(subject, pattern, ...)
  end
end
strings.find, strings.match, strings.gmatch, strings.gsub = guarded(find), guarded(match), guarded(gmatch), guarded(gsub)
strings.gfind = strings.gmatch -- its name in Lua 5.0
function strings.rep(text, times)
  text = tostring(text)
  if (tonumber(times) or 0) * (#text > 0 and #text or 1) > MOST_REPEATED then error("resulting string too large", 2) end
  return rep(text, times)
end
env.string = strings
local of_strings = getmetatable("")
of_strings.__index = strings
of_strings.__metatable = false

-- Tables. What walks a whole table inside C costs as many steps as it has elements.
local tables = { getn = table.getn, foreach = table.foreach, foreachi = table.foreachi }
function tables.insert(values, ...)
  if select("#", ...) > 1 then costs(#values) end
  return insert(values, ...)
end
function tables.remove(values, ...)
  if select("#", ...) > 0 then costs(#values) end
  return remove(values, ...)
end
function tables.concat(values, ...)
  costs(#values)
  return concat(values, ...)
end
function tables.sort(values, ...)
  costs(20 * #values)
  return sort(values, ...)
end
function tables.maxn(values)
  for _ in next, values do spend(1) end
  return maxn(values)
end
env.table = tables

env.math = {}
for name, value in pairs(math) do
  if name ~= "random" and name ~= "randomseed" then env.math[name] = value end -- chance is given: see the panel
end

local EXIT = "the script called exit()"
function env.exit() expire(EXIT) end -- pcall does not catch it

function env.makegetter(object_, name) return function() return object_[name] end end
function env.makesetter(object_, name) return function(value) object_[name] = value end end

---------------------------------------------------------------------------------------------------- for Python

local function place(path) -- the table of objects that holds the last name of the path, and its getters and setters
  local here, getters, setters = env, nil, nil
  for index = 1, #path - 1 do
    local deeper = rawget(here, path[index])
    if type(deeper) ~= "table" then
      deeper = object("object")
      rawset(here, path[index], deeper)
    end
    local meta = refs[deeper] and metatable_of(deeper)
    if meta then
      here, getters, setters = meta.Objects, meta.Getters, meta.Setters
    else
      here, getters, setters = deeper, nil, nil
    end
  end
  return here, getters, setters
end

local function declare(kind, value, extra, ...)
  local path = { ... }
  local here, getters, setters = place(path)
  local name = path[#path]
  if kind == "get" then
    getters[name] = callable(value)
  elseif kind == "set" then
    setters[name] = callable(value)
  elseif kind == "call" then
    rawset(here, name, callable(value))
  elseif kind == "make" then
    rawset(here, name, maker(value, extra))
  elseif kind == "instance" then
    rawset(here, name, instance(extra, value))
  elseif kind == "member" then
    classes[name] = classes[name] or {}
    classes[name][extra] = value
  elseif kind == "alias" then
    local whole, own = object("node"), rawget(env, value) -- a node is its own attributes and all root objects
    local reach = {
      getglobal = function(key) return rawget(env, key) end,
      setglobal = function(key, content) rawset(env, key, content) end,
      execute = function(text)
        local body, problem = load(text)
        if not body then error(problem, 0) end
        body()
      end,
    }
    metatable_of(whole).__index = function(_, key)
      local found = own[key]
      if found == nil then found = reach[key] end
      if found == nil then found = rawget(env, key) end
      return found
    end
    rawset(here, name, whole)
  else
    rawset(here, name, value)
  end
end

local function run(body)
  left, deadline, expired, in_script = most_instructions, clock() + most_seconds, nil, true
  local ok, message
  pcall(function() -- the hook may fire once more between the end of the script and the next line
    sethook(watch, "", STEP)
    ok, message = pcall(body)
    in_script = false
  end)
  in_script = false
  sethook()
  if ok then return "ok" end
  if expired == EXIT then return "ok" end
  if expired then return "stopped", expired end
  if type(message) ~= "string" and type(message) ~= "number" then message = "(error object is not a string)" end
  return "runtime", tostring(message)
end

local function execute(text)
  local body, problem = load(text)
  if not body then return "syntax", problem end
  return run(body)
end

-- Named scripts: tables that can be called, as on the real ones.
local library, _, _, of_library = object("script")
local user, _, _, of_user = object("script_user")
local scripts, _, _, of_scripts = object("script_table")
env.script, of_library.user, of_user.scripts = library, user, scripts
local saved = {} -- name -> text, in memory that keeps it; the catalogue lists these only (TMD)
function of_user.catalog()
  local name
  return function()
    name = next(saved, name)
    return name
  end
end

local function store(name, text)
  local body, problem = load(text)
  if not body then return "syntax", problem end
  local self, getters, setters, objects = object("script")
  local autorun = "no"
  objects.name, objects.source = name, text
  getters.autorun = function() return autorun end
  setters.autorun = function(value) autorun = value end
  objects.run = function() return body() end
  objects.save = function() if name ~= "" then saved[name] = text end end -- to a file: there is no USB drive
  objects.list = function() outward(PRINT, text) end
  metatable_of(self).__call = function() return body() end
  if name == "" then
    of_library.anonymous, of_library.run = self, objects.run
    rawset(env, "run", objects.run)
  else
    of_scripts[name] = self
    rawset(env, name, self)
  end
  return "ok", nil, self
end

function of_library.new(text, name)
  local kind, problem, self = store(name or "", tostring(text))
  if kind ~= "ok" then error(problem, 0) end
  return self
end

function of_library.newautorun(text, name)
  local self = of_library.new(text, name)
  self.autorun = "yes"
  self.save()
  return self
end

function of_library.delete(name) saved[name or ""] = nil end -- what runs now stays until it is set to nil

function of_library.restore(name)
  if saved[name or ""] == nil then error("script `" .. tostring(name) .. "' is not stored", 0) end
  store(name, saved[name])
end

store("", "") -- script.anonymous is always there

local function call_script(name)
  local self = of_scripts[name]
  if name == "" then self = of_library.anonymous end
  return run(function() return self() end)
end

local function set_numbers(pattern) numbers = pattern end

local function seal() sealed = true end

local function tidy()
  expired = nil
  collectgarbage("restart")
  if collectgarbage("count") > soft_kilobytes / 2 then collectgarbage("collect") end
  return collectgarbage("count") <= 0.9 * soft_kilobytes -- less room than that, and no command would run any more
end

for _, name in pairs({ "io", "os", "package", "python", "require", "module", "dofile", "loadfile", "load", "loadstring",
                       "newproxy", "coroutine", "getfenv", "setfenv" }) do
  _G[name] = nil
end
_G.debug = false -- lupa asks for it before every call: there it is found without an allocation

return execute, function(name, text) local kind, problem = store(name, text) return kind, problem end, call_script, declare,
  set_numbers, tidy, seal
