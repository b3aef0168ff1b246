-- Stores a user's code, and deletes the user's earlier code.
-- KEYS: 1 the digest of the user's code, 2 the code
-- ARGV: 1 the user, 2 the code's digest, 3 its lifetime in milliseconds, 4 the prefix of a code's key
local before = redis.call('get', KEYS[1])
if before then
  redis.call('del', ARGV[4] .. before)
end
redis.call('set', KEYS[1], ARGV[2], 'px', ARGV[3])
redis.call('set', KEYS[2], ARGV[1], 'px', ARGV[3])
return 0
