-- Takes a code that a chat gave. Returns its user and for how many more milliseconds it was valid; 0 if there is no such code, which
-- counts against the chat; -1 if the chat has given too many wrong ones.
-- KEYS: 1 the count of the chat's wrong codes, 2 the code
-- ARGV: 1 how many wrong codes are allowed, 2 for how many milliseconds a count lives, 3 the prefix of the key of a user's code
local wrong = tonumber(redis.call('get', KEYS[1]) or 0)
if wrong >= tonumber(ARGV[1]) then
  return { '', -1 }
end
local user = redis.call('get', KEYS[2])
if not user then
  redis.call('set', KEYS[1], wrong + 1, 'px', ARGV[2])
  return { '', 0 }
end
local left = redis.call('pttl', KEYS[2])
redis.call('del', KEYS[2], ARGV[3] .. user)
return { user, math.max(left, 1) }
