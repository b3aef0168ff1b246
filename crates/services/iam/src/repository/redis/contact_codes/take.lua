-- Takes a code that a chat has sent. Returns its user; an empty text if the code does not exist, which counts against the chat; or nothing
-- if the chat has sent too many wrong codes.
-- KEYS: 1 the count of the chat's wrong codes, 2 the code
-- ARGV: 1 the maximum number of wrong codes, 2 the lifetime of a count in milliseconds, 3 the prefix of the key of a user's code
local wrong = tonumber(redis.call('get', KEYS[1]) or 0)
if wrong >= tonumber(ARGV[1]) then
  return false
end
local user = redis.call('get', KEYS[2])
if not user then
  redis.call('set', KEYS[1], wrong + 1, 'px', ARGV[2])
  return ''
end
redis.call('del', KEYS[2], ARGV[3] .. user)
return user
