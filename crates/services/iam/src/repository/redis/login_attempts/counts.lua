-- Functions for counts of attempts. Each script in this folder begins with this file. A count is stored as
-- "<attempts> <time of the last attempt or end of its delay, in milliseconds since 1970> <attempts since the last success>".
-- ARGV: four for each of KEYS: the number of attempts before delays begin, or 0 for no limit; the window in milliseconds; the number of
-- attempts since the last success from which the key is locked until a success, or 0 for no limit; how long that number is remembered after
-- the last attempt, in milliseconds
local time = redis.call('time')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- Returns the limit, the window, the limit of the attempts since the last success, and how long their number is remembered.
local function limits(index)
  local first = 4 * index - 3
  return tonumber(ARGV[first]), tonumber(ARGV[first + 1]), tonumber(ARGV[first + 2]), tonumber(ARGV[first + 3])
end

-- Reads a count. Attempts that are older than the window count only towards the attempts since the last success.
local function read(index)
  local stored = redis.call('get', KEYS[index]) or ''
  local attempts, locked_until, all = string.match(stored, '^(%d+) (%d+) (%d+)$')
  attempts, locked_until, all = tonumber(attempts or 0), tonumber(locked_until or 0), tonumber(all or 0)
  local _, window = limits(index)
  if locked_until + window <= now then
    attempts = 0
  end
  return attempts, locked_until, all
end

-- Formats a count as it is stored.
local function written(attempts, locked_until, all)
  return string.format('%.0f %.0f %.0f', attempts, locked_until, all)
end

-- Returns the remaining time in milliseconds for which a key is locked.
local function locked(index)
  local _, locked_until = read(index)
  return math.max(locked_until - now, 0)
end

-- Returns whether a key is locked until a success.
local function exhausted(index)
  local _, _, total = limits(index)
  local _, _, all = read(index)
  return total > 0 and all >= total
end

-- Returns whether a key may have failed attempts. Without a limit they are not counted.
local function may_have_failed(index)
  return limits(index) == 0 or read(index) > 0
end

-- Counts an attempt. From the limit on, locks the key for a delay that doubles with each attempt, up to the window.
local function count(index)
  local limit, window, total, remembered = limits(index)
  if limit == 0 then
    return
  end
  local attempts, _, all = read(index)
  local delay = 0
  attempts = attempts + 1
  if attempts >= limit then
    delay = math.min(math.max(math.floor(window / 64), 1) * 2 ^ math.min(attempts - limit, 6), window)
  end
  local kept = delay + window
  -- Fewer attempts are forgotten, so that a stranger's own accounts take memory for a window only.
  if total > 0 and all + 1 >= math.min(total, 5) then
    kept = math.max(kept, remembered)
  end
  redis.call('set', KEYS[index], written(attempts, now + delay, all + 1), 'px', string.format('%.0f', kept))
end

-- Takes back the count of an attempt. Unlocks the key if its count is below the limit again.
local function take_back(index)
  local attempts, locked_until, all = read(index)
  attempts, all = math.max(attempts - 1, 0), all - 1
  if all < 1 then
    redis.call('del', KEYS[index])
    return
  end
  if attempts < limits(index) then
    locked_until = math.min(locked_until, now)
  end
  redis.call('set', KEYS[index], written(attempts, locked_until, all), 'keepttl')
end
