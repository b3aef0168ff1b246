-- Moves a session from the key under which an older version stored it. Returns 1, or 0 if the session has ended.
-- KEYS: 1 the session, 2 the session as the older version stored it, 3 the sorted set of the user's sessions, 4 the record of the user
-- ARGV: 1 the digest, 2 the id, 3 the session, 4 the record of the user
local left = redis.call('pttl', KEYS[2])
if left <= 0 then
  return 0
end
local time = redis.call('time')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local session = cjson.decode(ARGV[3])
session.used = now
redis.call('del', KEYS[2])
redis.call('zrem', KEYS[3], ARGV[2])
redis.call('zadd', KEYS[3], now + left, ARGV[1])
redis.call('pexpire', KEYS[3], left, 'nx')
redis.call('pexpire', KEYS[3], left, 'gt')
redis.call('set', KEYS[1], cjson.encode(session), 'px', left)
remember(KEYS[4], KEYS[3], ARGV[4], false)
return 1
