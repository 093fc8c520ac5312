-- All charges of a request or none, in one step (guard/stores/redis_counters.py). The arithmetic is that of guard/limits.py over the
-- same whole numbers, held apart: a double of Lua is exact up to 2^53, and no number here is larger unless it is only compared.
--
-- KEYS: one cell each. ARGV: mode ("spend" or "refund"), the time in ms or "" for this server's, and one text of whole numbers, which
-- costs less to send than many: grace in ms, then for each charge the index of its key, cost, kind, number of parameters, parameters.
-- A fourth argument makes the last key that of a nonce, to be held for so many ms; it is asked first, and one that was seen ends it all.
-- Gives lines: 1 (allowed), 0, or 2 (nonce seen), the time, the cells as they were. A refused call writes no cell, every one expires.

local SKEW = 60000
local LONGEST = 10 * 366 * 86400000

local function numbers(text)
  local found = {}
  for digits in string.gmatch(text or "", "%d+") do found[#found + 1] = tonumber(digits) end
  return found
end

local function text_of(cell)
  local parts = {}
  for place, number in ipairs(cell) do parts[place] = string.format("%.0f", number) end
  return table.concat(parts, " ")
end

-- Kind 1, a log: the times of what was spent, the oldest first.
local function log(cell, now, cost, count, window)
  local newest = cell[#cell]
  if newest and newest > now then
    if newest > now + window + SKEW then cell = {} else now = newest end
  end
  local after = {}
  for _, time in ipairs(cell) do
    if time + window > now then after[#after + 1] = time end
  end
  if #after + cost > count then return nil end
  for _ = 1, cost do after[#after + 1] = now end
  return after, now + window
end

-- Kind 2, sub-windows: the number of the newest sub-window, then its counter and those of the ones before it.
local function parts(cell, now, cost, count, scale, step, span)
  local ticks = now * scale
  local index = (ticks - ticks % step) / step
  local last, after, spent = cell[1] or index, {}, 0
  if last > index and last <= index + span + math.floor(SKEW * scale / step) then index = last end
  after[1] = index
  for place = 1, span do
    local counter = last <= index and cell[place + 1 - (index - last)] or 0
    if place <= index - last then counter = 0 end
    after[place + 1] = counter
    spent = spent + counter
  end
  if spent + cost > count then return nil end
  after[2] = after[2] + cost
  while after[#after] == 0 do after[#after] = nil end
  return after, math.ceil((index + span) * step / scale)
end

-- time * count, as whole windows and a rest; the product is taken in two steps, because it may pass 2^53.
local function units(time, count, window)
  local rest = time % window
  local whole = (time - rest) / window * count
  local low = count % 32768
  local first = rest * ((count - low) / 32768)
  local carried = first % window
  local second = carried * 32768 + rest * low
  return whole + (first - carried) / window * 32768 + (second - second % window) / window, second % window
end

-- Kind 3, GCRA: a time, and the debt at that time in windows and a rest; N in W pay back one window in W/N.
local function gcra(cell, now, cost, count, window, burst)
  local time, debt, rest = cell[1] or now, cell[2] or 0, cell[3] or 0
  local passed, small = units(math.abs(now - time), count, window)
  if now >= time then
    debt, rest = debt - passed, rest - small
    if rest < 0 then debt, rest = debt - 1, rest + window end
  else
    debt, rest = debt + passed, rest + small
    if rest >= window then debt, rest = debt + 1, rest - window end
  end
  local most, more = units(SKEW, count, window)
  most = most + burst
  if debt < 0 or debt > most or (debt == most and rest > more) then debt, rest = 0, 0 end
  debt = debt + cost
  if debt > burst or (debt == burst and rest > 0) then return nil end
  return {now, debt, rest}, now + math.ceil((debt * window + rest) / count) + 1
end

-- Kind 4, calendar: the start of a period and what was spent in it. The caller tells where four periods around now begin.
local function calendar(cell, now, cost, count, ...)
  local starts = {...}
  local place = 1
  while starts[place + 1] and starts[place + 1] <= now do place = place + 1 end
  if now < starts[1] or not starts[place + 1] then error("OSTIARY the clocks are more than a day apart") end
  local start, began, spent = starts[place], cell[1] or 0, cell[2] or 0
  if began > start and began <= now + SKEW then
    start = began
  elseif began ~= start then
    spent = 0
  end
  if spent + cost > count then return nil end
  local ends = now + 33 * 86400000
  for _, moment in ipairs(starts) do
    if moment > start then ends = math.min(ends, moment) end
  end
  return {start, spent + cost}, ends
end

-- What was spent at ``now`` is taken back as far as it is still there: another shard has refused. When in doubt, nothing is.
local refunds = {
  function(cell, now, cost)
    for place = #cell, 1, -1 do
      if cell[place] == now and cost > 0 then
        table.remove(cell, place)
        cost = cost - 1
      end
    end
  end,
  function(cell, now, cost, count, scale, step)
    local ticks = now * scale
    local place = (cell[1] or 0) - (ticks - ticks % step) / step + 2
    if place >= 2 and cell[place] then cell[place] = math.max(cell[place] - cost, 0) end
  end,
  function(cell, now, cost)
    if cell[1] == now then cell[2] = math.max(cell[2] - cost, 0) end
  end,
  function(cell, now, cost)
    if cell[1] and cell[1] <= now then cell[2] = math.max(cell[2] - cost, 0) end
  end,
}
local kinds = {log, parts, gcra, calendar}

local mode, now, given = ARGV[1], tonumber(ARGV[2]), numbers(ARGV[3])
if not now then
  local time = redis.call("TIME")
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local cell_count = #KEYS
if ARGV[4] then
  if not redis.call("SET", KEYS[cell_count], "", "NX", "PX", ARGV[4]) then return "2" end
  cell_count = cell_count - 1
end
local before, cells, ends = {}, {}, {}
local function answer(allowed) return string.format("%d\n%.0f\n", allowed, now) .. table.concat(before, "\n") end
for index, text in ipairs(redis.call("MGET", unpack(KEYS, 1, cell_count))) do
  before[index] = text or ""
  cells[index] = numbers(before[index])
end
local grace, at = given[1], 2
while given[at] do
  local index, cost, kind, last = given[at], given[at + 1], given[at + 2], at + 3 + given[at + 3]
  if mode == "refund" then
    refunds[kind](cells[index], now, cost, unpack(given, at + 4, last))
    ends[index] = 0
  else
    local after, expires = kinds[kind](cells[index], now, cost, unpack(given, at + 4, last))
    if not after then return answer(0) end
    if cost > 0 then cells[index], ends[index] = after, expires end
  end
  at = last + 1
end
for index, expires in pairs(ends) do
  if mode ~= "refund" then
    local rest = math.max(math.min(expires - now, LONGEST), 1) + grace
    redis.call("SET", KEYS[index], text_of(cells[index]), "PX", string.format("%.0f", rest))
  elseif before[index] ~= "" then
    redis.call("SET", KEYS[index], text_of(cells[index]), "KEEPTTL")
  end
end
return answer(1)
