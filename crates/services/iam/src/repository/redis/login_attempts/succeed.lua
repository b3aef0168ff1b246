-- Resets the counts of an account whose password was right and of its devices, takes back the count of the attempt for its address, and
-- counts the success.
-- KEYS: 1 the count of the account, or of the device if it is known, 2 the count of the address for which the attempt was counted, 3 the
-- account's successes, 4 the address' successes of new accounts, 5 the count of the account, 6 and following those of its known devices
-- ARGV: see counts.lua, then '1' if the attempt counted for the address, '1' if the account is new
redis.call('del', KEYS[1], unpack(KEYS, 5))
if ARGV[4 * #KEYS + 1] == '1' then
  take_back(2)
end
count(3)
if ARGV[4 * #KEYS + 2] == '1' then
  count(4)
end
return 0
