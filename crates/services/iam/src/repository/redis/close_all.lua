-- Ends all sessions of a user.
-- KEYS: 1 the set of the user's sessions
-- ARGV: 1 the prefix of a session's key
for _, id in ipairs(redis.call('zrange', KEYS[1], 0, -1)) do
  redis.call('del', ARGV[1] .. id)
end
redis.call('del', KEYS[1])
return 0
