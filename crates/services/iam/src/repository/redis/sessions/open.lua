-- Opens a session, and ends the oldest sessions of a user who has too many. Returns 0, or -1 if the credentials are retired. Redis
-- refuses this script above its memory limit, so that the login fails.
-- KEYS: 1 the mark that retires the credentials, 2 the session, 3 the sorted set of the user's sessions, by expiry, 4 the record of the user
-- ARGV: 1 the session's digest, 2 the session, 3 its lifetime in milliseconds, 4 the record of the user, 5 the maximum number of sessions of
-- a user, 6 the prefix of a session's key
if redis.call('exists', KEYS[1]) == 1 then
  return -1
end
local time = redis.call('time')
local now = time[1] * 1000 + time[2] / 1000
redis.call('zremrangebyscore', KEYS[3], '-inf', now)
redis.call('zadd', KEYS[3], now + ARGV[3], ARGV[1])
-- The set expires with its last session: `nx` for a new set, `gt` for one that would expire sooner.
redis.call('pexpire', KEYS[3], ARGV[3], 'nx')
redis.call('pexpire', KEYS[3], ARGV[3], 'gt')
end_surplus(KEYS[3], ARGV[1], ARGV[5], ARGV[6])
local session = cjson.decode(ARGV[2])
session.used = math.floor(now)
redis.call('set', KEYS[2], cjson.encode(session), 'px', ARGV[3])
remember(KEYS[4], KEYS[3], ARGV[4], false)
return 0
