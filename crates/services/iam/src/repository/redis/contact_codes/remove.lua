-- Deletes a user's code.
-- KEYS: 1 the digest of the user's code
-- ARGV: 1 the prefix of a code's key
local code = redis.call('getdel', KEYS[1])
if code then
  redis.call('del', ARGV[1] .. code)
end
return 0
