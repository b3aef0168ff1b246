-- Counts a login attempt and decides on it. Returns 0 if the password may be verified, -1 if the account is locked, otherwise the
-- remaining time in milliseconds for which the address is refused.
-- KEYS: 1 the count of the account, 2 the count of the address
-- ARGV: see prefix.lua
local left = locked(2)
if left > 0 then
  return left
end
count(2)
if locked(1) > 0 then
  return -1
end
count(1)
return 0
