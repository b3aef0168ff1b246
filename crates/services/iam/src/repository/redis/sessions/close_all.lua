-- Ends all sessions of a user.
-- KEYS: 1 the set of the user's sessions, 2 the record of the user
-- ARGV: 1 the prefix of a session's key
for _, digest in ipairs(redis.call('zrange', KEYS[1], 0, -1)) do
  redis.call('del', ARGV[1] .. digest)
end
redis.call('del', KEYS[1], KEYS[2])
return 0
