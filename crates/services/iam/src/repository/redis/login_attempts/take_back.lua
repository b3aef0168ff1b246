-- Takes back the counts of an attempt whose password could not be verified.
-- KEYS: 1 the count of the account, or of the device if it is known, 2 the count of the address for which the attempt was counted
-- ARGV: see counts.lua, then '1' if the attempt counted for the address
take_back(1)
if ARGV[4 * #KEYS + 1] == '1' then
  take_back(2)
end
return 0
