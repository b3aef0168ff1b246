-- Uncounts an attempt whose password could not be verified.
-- KEYS: 1 the count of the account, 2 the count of the address
-- ARGV: see prefix.lua
take_back(1)
take_back(2)
return 0
