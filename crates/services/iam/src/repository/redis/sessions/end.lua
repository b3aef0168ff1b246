-- Ends one session of a user. Returns 1, or 0 if the session does not exist.
-- KEYS: 1 the session, 2 the set of the user's sessions
-- ARGV: 1 its digest
redis.call('zrem', KEYS[2], ARGV[1])
return redis.call('del', KEYS[1])
