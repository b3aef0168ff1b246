-- Retires the user's credentials and ends all sessions of the user but one.
-- KEYS: 4 the set of the user's sessions
-- ARGV: 3 the kept session's id, 4 the prefix of a session's key, 5 for how many milliseconds the credentials stay retired
local admission = admit()
if admission ~= 0 then
  return admission
end
if redis.call('exists', ARGV[4] .. ARGV[3]) == 0 then
  return -1
end
redis.call('del', KEYS[1])
redis.call('set', KEYS[3], '', 'px', ARGV[5])
for _, id in ipairs(redis.call('zrange', KEYS[4], 0, -1)) do
  if id ~= ARGV[3] then
    redis.call('del', ARGV[4] .. id)
    redis.call('zrem', KEYS[4], id)
  end
end
return 0
