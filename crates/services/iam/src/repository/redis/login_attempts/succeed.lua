-- Resets the count of an account whose password was right, and uncounts the attempt for its address.
-- KEYS: 1 the count of the account, 2 the count of the address
-- ARGV: see prefix.lua
redis.call('del', KEYS[1])
take_back(2)
return 0
