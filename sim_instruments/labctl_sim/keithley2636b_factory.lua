-- The factory scripts of a 2636B that programs call by name: KISweep and KIPulse, in the instrument's own Lua.
--
-- They do what the manual says of them with the functions that every script has (TMD for names and arguments; what
-- they leave behind is [MEM]). They run as scripts do, in the scripts' environment and under the scripts' limits.

local function refuse(what) error("improper argument: " .. what, 0) end

local function prepared(smu, points)
  if type(points) ~= "number" or points < 1 then refuse("points") end
  local buffer = smu.nvbuffer1
  buffer.clear()
  buffer.appendmode = 1
  buffer.collecttimestamps = 1
  buffer.collectsourcevalues = 1
  return buffer
end

-- Source each level of a list, wait, measure the other quantity into nvbuffer1; the output is off at the end.
local function stepped(smu, volts, seconds, points, level_of)
  local buffer = prepared(smu, points)
  local level, measure = "leveli", smu.measure.v
  smu.source.func = smu.OUTPUT_DCAMPS
  if volts then
    level, measure = "levelv", smu.measure.i
    smu.source.func = smu.OUTPUT_DCVOLTS
  end
  smu.source[level] = level_of(1)
  smu.source.output = smu.OUTPUT_ON
  for point = 1, points do
    smu.source[level] = level_of(point)
    delay(seconds)
    measure(buffer)
  end
  smu.source.output = smu.OUTPUT_OFF
  smu.source[level] = 0
end

local function linear(start, stop, points)
  local step = points > 1 and (stop - start) / (points - 1) or 0
  return function(point) return start + (point - 1) * step end
end

local function logarithmic(start, stop, points)
  if start * stop <= 0 then refuse("start and stop need one sign") end
  local ratio = points > 1 and (stop / start) ^ (1 / (points - 1)) or 1
  return function(point) return start * ratio ^ (point - 1) end
end

local function listed(levels) return function(point) return levels[point] end end

function SweepVLinMeasureI(smu, start, stop, seconds, points)
  stepped(smu, true, seconds, points, linear(start, stop, points))
end
function SweepILinMeasureV(smu, start, stop, seconds, points)
  stepped(smu, false, seconds, points, linear(start, stop, points))
end
function SweepVLogMeasureI(smu, start, stop, seconds, points)
  stepped(smu, true, seconds, points, logarithmic(start, stop, points))
end
function SweepILogMeasureV(smu, start, stop, seconds, points)
  stepped(smu, false, seconds, points, logarithmic(start, stop, points))
end
function SweepVListMeasureI(smu, levels, seconds, points) stepped(smu, true, seconds, points, listed(levels)) end
function SweepIListMeasureV(smu, levels, seconds, points) stepped(smu, false, seconds, points, listed(levels)) end

-- Pulses: configured under a tag, run by InitiatePulseTest. They return true, or false and what is wrong.
local tests = {}

local function pulse(smu, volts, bias, level_of, limit, on, off, points, buffer)
  local level, measure, compliance = "leveli", smu.measure.v, "limitv"
  smu.source.func = smu.OUTPUT_DCAMPS
  if volts then
    level, measure, compliance = "levelv", smu.measure.i, "limiti"
    smu.source.func = smu.OUTPUT_DCVOLTS
  end
  if limit then smu.source[compliance] = limit end
  local aperture = smu.measure.nplc / localnode.linefreq
  smu.source[level] = bias
  for point = 1, points do
    local width = on
    if type(on) == "table" then width = on[point] end
    smu.source[level] = level_of(point)
    delay(width > aperture and width - aperture or 0)
    measure(buffer)
    smu.source[level] = bias
    delay(type(off) == "table" and off[point] or off)
  end
end

local function configured(smu, volts, bias, level_of, limit, on, off, points, buffer, tag)
  if type(tag) ~= "number" then return false, "Tag is not a number" end
  if buffer == nil then return false, "Buffer argument is nil" end
  if smu.source.output ~= smu.OUTPUT_ON then return false, "SMU output must be on" end
  tests[tag] = function()
    buffer.clear()
    buffer.appendmode = 1
    pulse(smu, volts, bias, level_of, limit, on, off, points, buffer)
  end
  return true, "Config OK"
end

local function level_or_list(level)
  if type(level) == "table" then return listed(level) end
  return function() return level end
end

function ConfigPulseVMeasureI(smu, bias, level, limit, on, off, points, buffer, tag)
  return configured(smu, true, bias, level_or_list(level), limit, on, off, points, buffer, tag)
end
function ConfigPulseIMeasureV(smu, bias, level, limit, on, off, points, buffer, tag)
  return configured(smu, false, bias, level_or_list(level), limit, on, off, points, buffer, tag)
end
function ConfigPulseVMeasureISweepLin(smu, bias, start, stop, limit, on, off, points, buffer, tag)
  return configured(smu, true, bias, linear(start, stop, points), limit, on, off, points, buffer, tag)
end
function ConfigPulseIMeasureVSweepLin(smu, bias, start, stop, limit, on, off, points, buffer, tag)
  return configured(smu, false, bias, linear(start, stop, points), limit, on, off, points, buffer, tag)
end
function ConfigPulseVMeasureISweepLog(smu, bias, start, stop, limit, on, off, points, buffer, tag)
  return configured(smu, true, bias, logarithmic(start, stop, points), limit, on, off, points, buffer, tag)
end
function ConfigPulseIMeasureVSweepLog(smu, bias, start, stop, limit, on, off, points, buffer, tag)
  return configured(smu, false, bias, logarithmic(start, stop, points), limit, on, off, points, buffer, tag)
end

function InitiatePulseTest(tag)
  if tests[tag] == nil then return false, "Tag has not been configured" end
  tests[tag]()
  return true, "Pulse test executed"
end

function InitiatePulseTestDual(first, second)
  if tests[first] == nil or tests[second] == nil then return false, "Tag has not been configured" end
  tests[first]()
  tests[second]()
  return true, "Pulse test executed"
end

function PulseVMeasureI(smu, bias, level, on, off, points)
  local buffer = prepared(smu, points)
  smu.source.output = smu.OUTPUT_ON
  pulse(smu, true, bias, level_or_list(level), nil, on, off, points, buffer)
  smu.source.output = smu.OUTPUT_OFF
end
function PulseIMeasureV(smu, bias, level, on, off, points)
  local buffer = prepared(smu, points)
  smu.source.output = smu.OUTPUT_ON
  pulse(smu, false, bias, level_or_list(level), nil, on, off, points, buffer)
  smu.source.output = smu.OUTPUT_OFF
end

-- Statistics come as tables, which only Lua can make.
for _, smu in ipairs({ smua, smub }) do
  local objects = getmetatable(smu).Objects
  local function statistics(buffer)
    local count = buffer.n
    local result = { n = count }
    if count == 0 then return result end
    local sum, least, most = 0, 1, 1
    for index = 1, count do
      local value = buffer[index]
      sum = sum + value
      if value < buffer[least] then least = index end
      if value > buffer[most] then most = index end
    end
    result.mean = sum / count
    local squares = 0
    for index = 1, count do squares = squares + (buffer[index] - result.mean) ^ 2 end
    result.stddev = count > 1 and math.sqrt(squares / (count - 1)) or 0
    local function entry(index)
      local found = { reading = buffer[index] }
      if buffer.collecttimestamps == 1 then found.timestamp = buffer.timestamps[index] end
      if buffer.collectsourcevalues == 1 then found.sourcevalue = buffer.sourcevalues[index] end
      return found
    end
    result.min, result.max = entry(least), entry(most)
    return result
  end
  getmetatable(objects.buffer).Objects.getstats = statistics
end
