-- Retires a user's credentials, marks the user as being changed, and ends all sessions of the user except one. Returns 0, or without a
-- change: -1 if the credentials are retired already, -3 if the kept session has ended, -2 if it is not in the set of the user's sessions.
-- KEYS: 1 the mark that retires the credentials, 2 the set of the user's sessions, 3 the record of the user
-- ARGV: 1 the kept session's digest, 2 the prefix of a session's key, 3 the lifetime of both marks in milliseconds
if redis.call('exists', KEYS[1]) == 1 then
  return -1
end
if redis.call('exists', ARGV[2] .. ARGV[1]) == 0 then
  return -3
end
local sessions, is_known = redis.call('zrange', KEYS[2], 0, -1), false
for _, digest in ipairs(sessions) do
  is_known = is_known or digest == ARGV[1]
end
if not is_known then
  return -2
end
redis.call('set', KEYS[1], '', 'px', ARGV[3])
redis.call('set', KEYS[3], '', 'px', ARGV[3])
for _, digest in ipairs(sessions) do
  if digest ~= ARGV[1] then
    redis.call('del', ARGV[2] .. digest)
    redis.call('zrem', KEYS[2], digest)
  end
end
return 0
