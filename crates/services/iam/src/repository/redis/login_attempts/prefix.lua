-- Counts of attempts; a prefix of the scripts that need them. A count is stored as "<attempts> <locked until, in milliseconds>".
-- ARGV begins with pairs, one for each of KEYS: the allowed attempts, 0 for no limit; the window in milliseconds.
local time = redis.call('time')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function read(key)
  local attempts, locked_until = string.match(redis.call('get', key) or '', '^(%d+) (%d+)$')
  return tonumber(attempts or 0), tonumber(locked_until or 0)
end

local function written(attempts, locked_until)
  return string.format('%.0f %.0f', attempts, locked_until)
end

-- For how many more milliseconds a key is locked.
local function locked(index)
  local _, locked_until = read(KEYS[index])
  return math.max(locked_until - now, 0)
end

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
