-- Opens a session.
-- KEYS: 4 the session, 5 the sorted set of the user's sessions, by expiry
-- ARGV: 3 the session's id, 4 the session, 5 its lifetime in milliseconds
local admission = admit()
if admission ~= 0 then
  return admission
end
local time = redis.call('time')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('del', KEYS[1])
redis.call('zremrangebyscore', KEYS[5], '-inf', now)
redis.call('zadd', KEYS[5], now + ARGV[5], ARGV[3])
-- The set expires with its last session: `nx` for a new set, `gt` for one that would expire sooner.
redis.call('pexpire', KEYS[5], ARGV[5], 'nx')
redis.call('pexpire', KEYS[5], ARGV[5], 'gt')
redis.call('set', KEYS[4], ARGV[4], 'px', ARGV[5])
return 0
