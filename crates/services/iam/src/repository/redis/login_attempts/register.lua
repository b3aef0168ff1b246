-- Counts a registration. Returns 0, or the remaining time in milliseconds for which the address is refused.
-- KEYS: 1 the count of the address
-- ARGV: see prefix.lua
local left = locked(1)
if left == 0 then
  count(1)
end
return left
