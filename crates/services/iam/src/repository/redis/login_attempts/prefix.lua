-- Functions for counts of attempts. Each script in this folder begins with this file. A count is stored as
-- "<attempts> <time until which the key is locked, in milliseconds since 1970>".
-- ARGV: a pair for each of KEYS: the number of attempts before delays begin, or 0 for no limit; the window in milliseconds
local time = redis.call('time')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- Reads a count: the attempts, and the time until which the key is locked.
local function read(key)
  local attempts, locked_until = string.match(redis.call('get', key) or '', '^(%d+) (%d+)$')
  return tonumber(attempts or 0), tonumber(locked_until or 0)
end

-- Formats a count as it is stored.
local function written(attempts, locked_until)
  return string.format('%.0f %.0f', attempts, locked_until)
end

-- Returns the remaining time in milliseconds for which a key is locked.
local function locked(index)
  local _, locked_until = read(KEYS[index])
  return math.max(locked_until - now, 0)
end

-- Counts an attempt. From the limit on, locks the key for a delay that doubles with each attempt, up to the window.
local function count(index)
  local limit, window = tonumber(ARGV[2 * index - 1]), tonumber(ARGV[2 * index])
  if limit == 0 then
    return
  end
  local attempts, delay = read(KEYS[index]) + 1, 0
  if attempts >= limit then
    delay = math.min(math.max(math.floor(window / 64), 1) * 2 ^ math.min(attempts - limit, 6), window)
  end
  redis.call('set', KEYS[index], written(attempts, now + delay), 'px', string.format('%.0f', delay + window))
end

-- Uncounts an attempt. Unlocks the key if its count is below the limit again.
local function take_back(index)
  local attempts, locked_until = read(KEYS[index])
  attempts = attempts - 1
  if attempts < 1 then
    redis.call('del', KEYS[index])
    return
  end
  if attempts < tonumber(ARGV[2 * index - 1]) then
    locked_until = now
  end
  redis.call('set', KEYS[index], written(attempts, locked_until), 'keepttl')
end
