-- Adds a token to a session, and ends the oldest tokens of a session that has too many. Returns 0, or -1 if the session has ended. Redis
-- refuses this script above its memory limit.
--
-- A token's key ends with the token. If the session ends before, the key remains for the rest of the token's lifetime and leads to no session.
-- KEYS: 1 the session, 2 the token, 3 the sorted set of the session's tokens, by the time of issue
-- ARGV: 1 the session's digest, 2 the token's digest, 3 the token's lifetime in milliseconds, 4 the maximum number of tokens of a session,
-- 5 the prefix of a token's key
local left = redis.call('pttl', KEYS[1])
if left <= 0 then
  return -1
end
local lifetime = math.min(tonumber(ARGV[3]), left)
local time = redis.call('time')
redis.call('zadd', KEYS[3], time[1] * 1000000 + time[2], ARGV[2])
-- The set expires with its last token: `nx` for a new set, `gt` for one that would expire sooner.
redis.call('pexpire', KEYS[3], lifetime, 'nx')
redis.call('pexpire', KEYS[3], lifetime, 'gt')
end_surplus(KEYS[3], ARGV[2], ARGV[4], ARGV[5])
redis.call('set', KEYS[2], ARGV[1], 'px', lifetime)
return 0
